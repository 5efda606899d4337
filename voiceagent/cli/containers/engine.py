"""The container engine: Docker or Podman, whichever is there and answers. Knows nothing of voiceagent."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from voiceagent.errors import VoiceAgentError

VARIABLE = "VOICEAGENT_CONTAINER_ENGINE"
"""Names the program to use."""
KNOWN = ("docker", "podman")
NATIVE = "Without containers: voiceagent serve --pull; as a service of the system: deploy/voiceagent.service."


class NoEngineError(VoiceAgentError):
    """There is no container engine that can be used."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}\n{NATIVE}")


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """A program that runs containers."""

    kind: Literal["docker", "podman"]
    program: str

    def run(self, *arguments: str) -> int:
        """Run it at this terminal; return its exit status. Ctrl-C is its to obey: a terminal sends it to both."""
        with subprocess.Popen([self.program, *arguments]) as process:
            while True:
                with suppress(KeyboardInterrupt):
                    return process.wait()

    def ask(self, *arguments: str) -> str | None:
        """Return what it prints, None where it fails."""
        done = self._captured(*arguments)
        return done.stdout.strip() if done.returncode == 0 else None

    def said(self, *arguments: str) -> str:
        """Return what it prints, even where it fails."""
        return self._captured(*arguments).stdout.strip()

    def do(self, *arguments: str) -> str:
        """Return what it prints. Raises VoiceAgentError with what it says where it fails."""
        done = self._captured(*arguments)
        if done.returncode:
            said = (done.stderr or done.stdout).strip() or f"exit status {done.returncode}"
            raise VoiceAgentError(f"{self.kind} {arguments[0]} failed: {said}")
        return done.stdout.strip()

    def lines(self, *arguments: str) -> Iterator[str]:
        """Yield the lines that it prints, on either stream, until it ends or nobody wants more."""
        with subprocess.Popen(
            [self.program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout
            try:
                yield from process.stdout
            finally:
                process.terminate()

    def _captured(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace", check=False)


def find_engine() -> ContainerEngine:
    """Return Docker if it answers, else Podman. Raises NoEngineError with what is missing, and the way without."""
    wanted = os.environ.get(VARIABLE)
    silent = []
    for name in (wanted,) if wanted else KNOWN:
        if (program := shutil.which(name)) is None:
            continue
        probe = ContainerEngine("docker", program)
        # Podman also goes by the name of docker, and is asked for GPUs in another way.
        kind: Literal["docker", "podman"] = "podman" if "podman" in (probe.ask("--version") or "").lower() else "docker"
        if probe.ask("info") is not None:
            return ContainerEngine(kind, program)
        silent.append(name)
    if silent:
        raise NoEngineError(
            f"{' and '.join(silent)} is installed and does not answer: is its service running, and may you use it? "
            f"`{silent[0]} info` says more."
        )
    if wanted:
        raise NoEngineError(f"{VARIABLE} names {wanted}, which is not installed.")
    raise NoEngineError("There is neither Docker nor Podman on this machine.")
