import subprocess
import sys
import types
from collections.abc import Callable

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from voiceagent import __version__
from voiceagent.cli import main as entry
from voiceagent.errors import VoiceAgentError


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(entry.cli, arguments, env={"VOICEAGENT_DEBUG": None, **environ}, prog_name="voiceagent")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Puts a function in the place of the command `say`."""

    def put(function: Callable[[], None]) -> None:
        stage = types.ModuleType("stage")
        stage.__dict__["say"] = click.command("say")(function)
        monkeypatch.setitem(sys.modules, "stage", stage)
        monkeypatch.setitem(entry.LazyGroup.COMMANDS, "say", ("stage:say", "Speak."))

    return put


def fail() -> None:
    """Fail."""
    raise VoiceAgentError("the voice is hoarse; give it some tea")


def stop() -> None:
    """Be stopped."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(("module", "told"), [("pydantic", True), ("voiceagent.nothing", False)])
def test_a_python_without_what_is_installed_with_it_is_told_how_to_have_it(
    scene: Callable[[Callable[[], None]], None], module: str, told: bool
) -> None:
    def lack() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    scene(lack)
    said = run("say")
    assert (f"lacks {module}" in said.output and "make serve" in said.output) == told
    assert said.exit_code == 1
    assert isinstance(run("--debug", "say").exception, ModuleNotFoundError)


def test_help_lists_every_command_with_a_line_about_it() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name, (_, line) in entry.LazyGroup.COMMANDS.items():
        assert any(row.split(maxsplit=1) == [name, line] for row in result.output.splitlines())


def test_help_imports_no_command_and_nothing_heavy() -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, sep='\\n'))\n"
        "sys.argv = ['voiceagent', '--help']\n"
        "from voiceagent.cli.main import main\n"
        "main()\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = set(process.stdout.split())
    assert "voiceagent.cli.main" in modules
    heavy = {"pydantic", "yaml", "numpy", "onnxruntime", "llama_cpp", "hibari", "aiortc", "av", "httpx2", "asyncio"}
    heavy |= {"httpx", "huggingface_hub"}
    assert modules & heavy == set()
    ours = {name for name in modules if name.startswith("voiceagent")}
    assert ours == {"voiceagent", "voiceagent.cli", "voiceagent.cli.main", "voiceagent.errors"}


@pytest.mark.parametrize("name", list(entry.LazyGroup.COMMANDS))
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = entry.cli.get_command(click.Context(entry.cli), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert run(name, "--help").exit_code == 0


def test_the_shell_can_complete_the_commands() -> None:
    completion = ShellComplete(entry.cli, {}, "voiceagent", "_VOICEAGENT_COMPLETE")
    assert [item.value for item in completion.get_completions([], "s")] == ["serve", "status", "shell", "say"]


def test_the_help_of_a_command_needs_no_settings() -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('pydantic' in sys.modules))\n"
        "sys.argv = ['voiceagent', 'config', '--help']\n"
        "from voiceagent.cli.main import main\n"
        "main()\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.split()[-1] == "False"
    assert "--set KEY=VALUE" in process.stdout


def test_the_version_is_told() -> None:
    assert run("--version").output == f"voiceagent {__version__}\n"


def test_the_module_can_be_run() -> None:
    command = [sys.executable, "-m", "voiceagent", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("voiceagent ")


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run("srve")
    assert result.exit_code == 2
    assert "No such command 'srve'" in result.stderr


def test_an_error_is_words_on_stderr_and_no_traceback(scene: Callable[[Callable[[], None]], None]) -> None:
    scene(fail)
    result = run("say")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the voice is hoarse; give it some tea\n"


def test_debug_lets_the_error_through_for_its_traceback(scene: Callable[[Callable[[], None]], None]) -> None:
    scene(fail)
    assert isinstance(run("--debug", "say").exception, VoiceAgentError)
    assert isinstance(run("say", VOICEAGENT_DEBUG="1").exception, VoiceAgentError)
    assert not isinstance(run("say", VOICEAGENT_DEBUG="0").exception, VoiceAgentError)


def test_control_c_ends_quietly(scene: Callable[[Callable[[], None]], None]) -> None:
    scene(stop)
    result = run("say")
    assert (result.exit_code, result.output) == (130, "")


def test_main_runs_the_command_line_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["anything", "--version"])
    with pytest.raises(SystemExit) as caught:
        entry.main()
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("voiceagent ")
