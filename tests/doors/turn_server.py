"""A real coturn on loopback, which relays from this machine's own address."""

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
from aioice.ice import get_host_addresses

SECRET = "a secret of two servers"


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def coturn(folder):
    """Give the address of a TURN server that knows the secret."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("coturn is not installed")
    port = free_port()
    relay = get_host_addresses(use_ipv4=True, use_ipv6=False)[0]
    options = {
        "listening-ip": "127.0.0.1",
        "listening-port": port,
        "relay-ip": relay,
        "realm": "voice.test",
        "static-auth-secret": SECRET,
        "log-file": folder / "coturn.log",
        "pidfile": folder / "coturn.pid",
        "userdb": folder / "coturn.db",
    }
    switches = ["-n", "--use-auth-secret", "--no-cli", "--no-tls", "--no-dtls", "--fingerprint", "--simple-log"]
    given = [program, *switches, *(f"--{name}={value}" for name, value in options.items())]
    server = subprocess.Popen(given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"turn:127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("coturn did not start")
