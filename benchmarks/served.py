"""A voiceagent server for the duration of a benchmark, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from voiceagent.errors import VoiceAgentError

READY_S = 300.0
"""Loading takes seconds; the first time, model files are also hashed, and torch and NeMo may come from a cold disk."""
STOP_S = 10.0
HOST = "127.0.0.1"


class ServedError(VoiceAgentError):
    """The server did not start."""


@contextmanager
def serving(config: str = "cpu.yaml", sets: Sequence[str] = (), port: int | None = None) -> Iterator[str]:
    """Start `voiceagent serve` on a port (None: any free one), give its address once it is ready, stop it at the end.

    `sets` are overrides such as "llm.max_tokens=80". Raises ServedError with the server's last output.
    """
    options = [word for override in sets for word in ("--set", override)]
    arguments = [sys.executable, "-m", "voiceagent", "serve", "--config", config, *options]
    with running(arguments, port) as (url, _):
        yield url


@contextmanager
def running(
    arguments: Sequence[str], port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Run a program that serves an agent, on a port (None: any free one), and stop it at the end.

    Gives its address once it is ready, and what returns its output so far. Raises ServedError with its last output.
    """
    port = port or _free_port()
    own = {"VOICEAGENT_SERVER__HOST": HOST, "VOICEAGENT_SERVER__PORT": str(port)}
    quiet = {"VOICEAGENT_TRACE__LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile("w+") as output:

        def said() -> str:
            output.seek(0)
            return output.read()

        process = subprocess.Popen(
            arguments,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **quiet, **own, **(environment or {})},
        )
        try:
            url = f"http://{HOST}:{port}"
            if not _wait(process, url):
                raise ServedError(f"The server did not become ready. It said: {said()[-2000:].strip()}")
            yield url, said
        finally:
            _stop(process)


def _wait(process: "subprocess.Popen[bytes]", url: str) -> bool:
    give_up = time.monotonic() + READY_S
    with httpx.Client(base_url=url, trust_env=False) as http:
        while time.monotonic() < give_up and process.poll() is None:
            try:
                if http.get("/ready").status_code == 200:
                    return True
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
