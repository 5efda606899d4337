"""`down`, `restart`, `status`, `logs`, `shell`, over an engine that runs nothing and writes down how it is called."""

import subprocess
from pathlib import Path

import pytest
from container_commands import of_the_image, ok, run
from fake_docker import FakeEngine

from voiceagent.cli.containers.engine import ContainerEngine


@pytest.mark.usefixtures("as_a_program")
def test_a_life_from_up_to_down(engine: FakeEngine) -> None:
    ok("up", "--set", "llm.max_tokens=50")
    assert "Ready: http://localhost:7860" in ok("status")
    ok("shell")
    ok("restart")
    ok("down")
    assert [call[0] for call in engine.calls] == ["run", "exec", "restart", "stop", "rm"]
    assert of_the_image(engine)[-2:] == ["--set", "llm.max_tokens=50"]


def test_down_gives_callers_time_and_keeps_the_volume(engine: FakeEngine) -> None:
    ok("up")
    assert "Ended: voiceagent" in ok("down")
    assert engine.calls[-2:] == [["stop", "-t", "60", "voiceagent"], ["rm", "--force", "voiceagent"]]
    assert "voiceagent is not running" in ok("down")


def test_restart_leaves_it_as_it_was_without_options(engine: FakeEngine) -> None:
    ok("up", "--port", "7999")
    assert "http://localhost:7999" in ok("restart")
    assert engine.calls[-1] == ["restart", "-t", "60", "voiceagent"]


def test_restart_with_a_new_image_keeps_the_options(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.yaml").write_text("extends: cpu.yaml\n")
    monkeypatch.chdir(folder)
    ok("up", "--port", "7999", "--config", "mine.yaml", "--set", "llm.max_tokens=50", "--no-tts", "--volume", "mine")
    before = engine.run_of()
    monkeypatch.chdir(tmp_path)
    ok("restart", "--build")
    assert [call[0] for call in engine.calls] == ["run", "build", "stop", "rm", "run"]
    after = engine.run_of()
    assert "--set" in after
    assert [word for word in after if ".wish" not in word] == [word for word in before if ".wish" not in word]


def test_restart_with_a_new_image_of_what_an_earlier_version_started_takes_what_suits_the_machine(
    engine: FakeEngine,
) -> None:
    ok("up")
    engine.put(containers={"voiceagent": {"state": "running", "labels": {"voiceagent.port": "7860"}}})
    ok("restart", "--build")
    assert of_the_image(engine) == ["serve", "--config", "cpu.yaml"]


def test_restart_with_options_makes_another_of_it(engine: FakeEngine) -> None:
    ok("up")
    ok("restart", "--mode", "q4")
    assert [call[0] for call in engine.calls] == ["run", "stop", "rm", "run"]
    assert of_the_image(engine) == ["serve", "--config", "rtx5090.yaml"]


def test_a_restart_that_cannot_be_cuts_nobody_off(engine: FakeEngine) -> None:
    ok("up")
    assert run("restart", "--model", "absent.gguf").exit_code == 1
    assert engine.containers == {"voiceagent": "running"}


def test_a_restart_without_its_image_cuts_nobody_off(engine: FakeEngine) -> None:
    ok("up")
    engine.put(images=["voiceagent:cpu"])
    assert run("restart", "--mode", "q8").exit_code == 1
    assert engine.containers == {"voiceagent": "running"}


def test_restart_starts_what_does_not_run(engine: FakeEngine) -> None:
    assert "Ready" in ok("restart")


def test_status_tells_what_is_ready_and_what_is_wrong(engine: FakeEngine) -> None:
    done = run("status")
    assert (done.exit_code, done.output) == (1, "voiceagent is not running: voiceagent up\n")
    ok("up")
    assert ok("status").splitlines() == [
        "voiceagent: running",
        "  asr: ready",
        "  llm: ready",
        "  tts: ready",
        "Ready: http://localhost:7860",
    ]
    engines = {"asr": True, "llm": False, "tts": False}
    engine.put(health={"ready": False, "engines": engines, "troubles": {"llm": "a step hangs: restart it"}})
    done = run("status")
    assert done.exit_code == 1
    assert "  llm: a step hangs: restart it\n  tts: loading\nNot ready" in done.output
    engine.put(health=None)
    assert run("status").exit_code == 1


LOG = """\
2026-01-31T12:00:00.000Z INFO voiceagent.app.agent: engine ready engine=asr seconds=0.5
2026-01-31T12:00:00.000Z INFO voiceagent.app.agent: engine ready engine=llm seconds=0.5
2026-01-31T12:00:01.000Z WARNING voiceagent.engines.asr.moonshine.engine: slow
{"time": "2026", "logger": "voiceagent.scheduler.lane", "message": "a step failed", "lane": "asr"}
{"time": "2026", "logger": "voiceagent.scheduler.lane", "message": "a step failed", "lane": "tts"}
{"time": "2026", "logger": "voiceagent.engines.llm.llama.model", "message": "loaded"}
llama_context: n_ctx_per_seq (1024) < n_ctx_train (8192)
2026-01-31T12:00:05.000Z INFO voiceagent.turns: turn 1 completed v2v=557ms asr=40ms llm=100ms session=ab12
"""


@pytest.mark.parametrize(("role", "lines"), [("asr", (0, 2, 3, 7)), ("llm", (1, 5, 6, 7)), ("tts", (4,))])
def test_the_log_of_a_role_is_what_is_about_it(engine: FakeEngine, role: str, lines: tuple[int, ...]) -> None:
    ok("up")
    engine.put(log=LOG.rstrip("\n"))
    every = LOG.splitlines()
    assert ok("logs", role, "--no-follow").splitlines() == [every[number] for number in lines]


def test_the_whole_log_is_the_engines_own(engine: FakeEngine) -> None:
    ok("up")
    ok("logs", "-n", "5")
    assert engine.all_calls[-1] == ["logs", "--tail", "5", "--follow", "voiceagent"]


def test_the_language_models_log_is_vllms_where_it_runs(engine: FakeEngine) -> None:
    ok("up", "--mode", "vllm")
    ok("logs", "llm", "--no-follow")
    assert engine.all_calls[-1] == ["logs", "--tail", "100", "voiceagent-vllm"]


@pytest.mark.parametrize("command", ["status", "logs", "shell"])
def test_who_asks_for_what_does_not_run_is_told_how_it_would(engine: FakeEngine, command: str) -> None:
    done = run(command, "--name", "speech")
    assert done.exit_code == 1
    assert "speech is not running: voiceagent up --name speech" in done.output
    assert engine.calls == []


@pytest.mark.usefixtures("engine")
def test_a_checkout_that_is_not_installed_is_told_of_commands_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/home/anne/voiceagent/voiceagent/__main__.py", "status"])
    assert run("status").output == "voiceagent is not running: python3 -m voiceagent up\n"


def test_shell_opens_one_in_the_container(engine: FakeEngine) -> None:
    ok("up")
    ok("shell")
    assert engine.calls[-1] == ["exec", "--interactive", "--tty", "voiceagent", "bash"]


@pytest.mark.usefixtures("as_a_program")
def test_ctrl_c_is_left_to_the_engine_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "docker"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    waits = iter([KeyboardInterrupt, None])
    wait = subprocess.Popen.wait

    def interrupted(process: "subprocess.Popen[str]", timeout: float | None = None) -> int:
        if (what := next(waits, None)) is not None:
            raise what
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert ContainerEngine("docker", str(program)).run("run") == 7
