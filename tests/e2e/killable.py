"""A real server in a process of its own that a test may kill, and start again on the same port."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

READY_S = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`voiceagent serve` on a port of 127.0.0.1, ready."""

    def __init__(self, port, sets, log):
        self.url = f"http://127.0.0.1:{port}"
        self._log = log.open("a")
        options = [word for override in (f"server.port={port}", *sets) for word in ("--set", override)]
        arguments = [sys.executable, "-m", "voiceagent", "serve", *options]
        environment = os.environ | {"VOICEAGENT_TRACE__LOG_LEVEL": "info", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(arguments, stdout=self._log, stderr=subprocess.STDOUT, env=environment)

    def ready(self):
        """Wait until it is, and return it."""
        give_up = time.monotonic() + READY_S
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            while time.monotonic() < give_up:
                assert self._process.poll() is None, "the server did not start"
                try:
                    if http.get("/ready").status_code == 200:
                        return self
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        raise AssertionError("the server did not become ready")

    def kill(self):
        """End it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def terminate(self):
        """Ask it to end."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self):
        """Wait for its end, and return its exit status."""
        return self._process.wait(READY_S)

    def close(self):
        if self._process.poll() is None:
            self.kill()
        self._log.close()


@contextmanager
def server(port, sets, log):
    """Start it, and see to it that it ends; it is not ready yet."""
    started = Server(port, sets, log)
    try:
        yield started
    finally:
        started.close()
