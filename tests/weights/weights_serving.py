"""A small file server that misbehaves on request, and model lists to go with it."""

import base64
import hashlib
import io
import socket
import zipfile
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from voiceagent.weights import Manifest, Model, ModelFile
from voiceagent.weights.manifest import HubSource, Source, WheelSource

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path on 127.0.0.1. Every request is noted in `requests` as (path, headers)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}  # used up before the file is served
        self.cuts: list[int] = []  # each makes one answer end after that many bytes
        self.ranges = True
        self.etag = ""
        self.password = ""
        self.hidden_length = False
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are cut on purpose here."""

    def asked(self, header: str) -> list[str]:
        """That header of every request, '' where it was absent."""
        return [headers.get(header, "") for _, headers in self.requests]

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append((path, {key.lower(): value for key, value in self.headers.items()}))
        if answers := self.server.answers.get(path):
            return self._answer(*answers.pop(0))
        if self.server.password and self.headers.get("Authorization") != self.server.password:
            return self._answer(401, {"WWW-Authenticate": "Basic"})
        if path not in self.server.files:
            return self._answer(404, {})
        return self._file(self.server.files[path], path)

    def _file(self, content: bytes, path: str) -> None:
        start = 0
        asked = self.headers.get("Range")
        unchanged = self.headers.get("If-Range") in (None, self.server.etag)
        if asked and self.server.ranges and unchanged:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self._answer(416, {"Content-Range": f"bytes */{len(content)}"})
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if not self.server.hidden_length:
            self.send_header("Content-Length", str(len(content) - start))
        if path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()
        body = content[start:]
        if self.server.cuts:
            self.wfile.write(body[: self.server.cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Notes:
    """A reporter that remembers: what was said, and the (label, done, total) of every bar."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[tuple[str, int, int | None]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def bar(self, label: str, done: int, total: int | None) -> "Notes":
        self.bars.append((label, done, total))
        return self

    def __enter__(self) -> Any:
        return lambda count: None

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hub_source(path: str = "model.bin", repo: str = "someone/model") -> HubSource:
    return HubSource(repo, "0123456789abcdef", path)


def wheel_source(member: str = "tiny/model.bin", platform: str | None = None) -> WheelSource:
    return WheelSource("tiny-model", "1.2", member, platform)


def pinned(content: bytes, *sources: Source, name: str = "model.bin", hashed: bool = True) -> ModelFile:
    """The manifest's entry for that content; without a hash, its size is only approximate too."""
    size = len(content) if hashed else len(content) + 99
    return ModelFile(name, size, hashed, sha256(content) if hashed else None, sources or (hub_source(),))


def listed(*files: ModelFile, name: str = "tiny", default: bool = True) -> Manifest:
    return Manifest({name: Model(name, "asr", "engine", "MIT", default, files)})


def wheel_bytes(members: dict[str, bytes], name: str = "tiny_model", version: str = "1.2") -> bytes:
    """A wheel that pip accepts."""
    info = f"{name}-{version}.dist-info"
    members = members | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in members.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (members | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}).items():
            archive.writestr(path, content)
    return buffer.getvalue()


def serve_index(server: FileServer, wheels: Iterable[tuple[str, bytes]], package: str = "tiny-model") -> None:
    """Make the server a package index."""
    links = "".join(f'<a href="/files/{name}#sha256={sha256(wheel)}">{name}</a>\n' for name, wheel in wheels)
    server.files[f"/simple/{package}/"] = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    server.files |= {f"/files/{name}": wheel for name, wheel in wheels}


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
