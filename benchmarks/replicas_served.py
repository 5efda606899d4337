"""Replicas of a server with scripted models behind Ray Serve, for the duration of a test."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voiceagent.errors import VoiceAgentError

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-ray" / "bin" / "python"
"""The environment that has Ray (`make .venv-ray/ready`)."""
STOP_S = 60.0


class ReplicasError(VoiceAgentError):
    """Ray Serve does not do what it is told."""


class Replicas:
    """What can be done with them."""

    def __init__(self, url: str, process: "subprocess.Popen[str]") -> None:
        self.url = url
        self._process = process

    def tell(self, *words: object) -> Any:
        """Give an order, and return the answer. Raises ReplicasError."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        """Return the next line. Raises ReplicasError when the process has ended."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except ValueError:
                continue  # Ray's own words
        raise ReplicasError("Ray Serve has ended: run benchmarks/ray_front.py by hand to see why.")


@contextmanager
def replicated(number: int, **variables: str) -> Iterator[Replicas]:
    """Serve while inside; `variables` are settings, such as VOICEAGENT_SERVER__MAX_SESSIONS. Raises ReplicasError."""
    if not PYTHON.exists():
        raise ReplicasError(f"There is no {PYTHON.parent}: make .venv-ray/ready.")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"RAY_SERVE_LOG_TO_STDERR": "0", "RAY_USAGE_STATS_ENABLED": "0", "VOICEAGENT_SESSION__IDLE_S": "0"}
    places = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "deploy")))}
    command: Sequence[str] = [str(PYTHON), str(ROOT / "benchmarks" / "ray_front.py"), str(port), "scripted.yaml"]
    with subprocess.Popen(
        [*command, str(number)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **own, **places, **variables},
    ) as process:
        replicas = Replicas(f"http://127.0.0.1:{port}", process)
        try:
            replicas.answer()
            yield replicas
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
