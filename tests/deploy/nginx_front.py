"""Two servers with scripted models behind a real nginx with deploy/nginx.conf, on free ports."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
GIVE_UP_S = 60.0
NAMES = ("one", "two")


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [one.getsockname()[1] for one in taken]


def until_ready(url: str) -> None:
    end = time.monotonic() + GIVE_UP_S
    while True:
        try:
            if httpx.get(f"{url}/ready", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, f"{url} is not ready"
        time.sleep(0.1)


@dataclass
class Front:
    """The address of all, and the servers by name."""

    url: str
    direct: dict[str, str]
    commands: dict[str, list[str]]
    processes: dict[str, subprocess.Popen[bytes]]

    def start(self, name: str) -> None:
        """Start a server; it is not ready yet."""
        self.processes[name] = subprocess.Popen(
            self.commands[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def tell_to_stop(self, name: str) -> None:
        """Have a server drain, as an orchestrator does that takes it away."""
        self.processes[name].send_signal(signal.SIGTERM)

    def ended(self, name: str) -> int:
        """Wait for the end of a server; return its exit status."""
        return self.processes[name].wait(GIVE_UP_S)


@contextmanager
def front(folder: Path, *sets: str) -> Iterator[Front]:
    """Serve while inside; `sets` are overrides of both servers."""
    assert NGINX is not None
    address, *ports = free_ports(1 + len(NAMES))
    text = CONF.read_text().replace("127.0.0.1:7860", f"127.0.0.1:{address}")
    for written, port in zip(("7861", "7862"), ports, strict=True):
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
    scratch = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\naccess_log off;\n{scratch}", 1)
    file = folder / "nginx.conf"
    file.write_text(f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n{text}")
    commands = {"nginx": [NGINX, "-p", str(folder), "-c", str(file)]}
    for name, port in zip(NAMES, ports, strict=True):
        of_one = [f"server.port={port}", f"server.replica={name}", "session.idle_s=0", *sets]
        options = [word for one in of_one for word in ("--set", one)]
        commands[name] = [sys.executable, "-m", "voiceagent", "serve", "--config", "scripted.yaml", *options]
    direct = {name: f"http://127.0.0.1:{port}" for name, port in zip(NAMES, ports, strict=True)}
    served = Front(f"http://127.0.0.1:{address}", direct, commands, {})
    try:
        for name in commands:
            served.start(name)
        for one in (*direct.values(), served.url):
            until_ready(one)
        yield served
    finally:
        for name, process in served.processes.items():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM if name == "nginx" else signal.SIGKILL)
            process.wait()
