"""Running the commands, and what they gave the engine."""

from click.testing import CliRunner, Result
from fake_docker import FakeEngine

from voiceagent.cli.containers.engine import ContainerEngine
from voiceagent.cli.main import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="voiceagent")


def ok(*arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


def of_the_image(engine: FakeEngine, name: str = "voiceagent") -> list[str]:
    """Return what the container's process is given: what follows the image."""
    arguments = engine.run_of(name)
    return arguments[next(place for place, word in enumerate(arguments) if word.startswith("voiceagent:")) + 1 :]


def over(engine: FakeEngine) -> ContainerEngine:
    return ContainerEngine("docker", str(engine.memory.with_suffix("")))
