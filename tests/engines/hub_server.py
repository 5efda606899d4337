"""A small model hub, or package index, on this machine, that misbehaves on request."""

import hashlib
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def be_the_hub(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set HF_ENDPOINT, also for this process, where huggingface_hub read it when it was imported."""
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


class HubServer(ThreadingHTTPServer):
    """Serves `files` by path on 127.0.0.1. Each GET is noted in `requests` as (path, headers), each HEAD in `heads`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.answers: dict[str, list[tuple[int, dict[str, str]]]] = {}  # used up before the file is served
        self.get_answers: dict[str, list[tuple[int, dict[str, str]]]] = {}  # the same, by GET only
        self.elsewhere = ""  # the host of a storage to which each GET is sent on
        self.cuts: list[int] = []  # each makes one answer end after that many bytes
        self.ranges = True
        self.etag = ""  # else the sha256 of the file, as of every large file on the hub
        self.password = ""
        self.hidden_length = False
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections are cut on purpose here."""

    def asked(self, header: str) -> list[str]:
        """That header of every GET, '' where it was absent."""
        return [headers.get(header, "") for _, headers in self.requests]

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def do_HEAD(self) -> None:
        self._respond(self.server.heads)

    def do_GET(self) -> None:
        self._respond(self.server.requests)

    def _respond(self, seen: list[tuple[str, dict[str, str]]]) -> None:
        path = self.path.partition("?")[0]
        seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        gets = self.server.get_answers.get(path) if self.command == "GET" else None
        if answers := gets or self.server.answers.get(path):
            return self._answer(*answers.pop(0))
        if self.server.password and self.headers.get("Authorization") != self.server.password:
            return self._answer(401, {"WWW-Authenticate": "Basic"})
        if path not in self.server.files:
            return self._answer(404, {"X-Error-Code": "EntryNotFound"})
        content = self.server.files[path]
        etag = self.server.etag or f'"{hashlib.sha256(content).hexdigest()}"'
        if self.server.elsewhere:
            linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": etag, "X-Repo-Commit": COMMIT}
            return self._answer(302, {"Location": f"{self.server.elsewhere}/blob", **linked})
        return self._file(content, etag, path)

    def _file(self, content: bytes, etag: str, path: str) -> None:
        start = 0
        asked = self.headers.get("Range")
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self._answer(416, {"Content-Range": f"bytes */{len(content)}"})
                return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if not self.server.hidden_length or self.command == "HEAD":
            self.send_header("Content-Length", str(len(content) - start))
        if path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", etag)
        self.end_headers()
        body = b"" if self.command == "HEAD" else content[start:]
        if self.server.cuts and body:
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
