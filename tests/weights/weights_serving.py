"""Model lists, wheels and a reporter for the tests of this room."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hub_server import COMMIT, HubServer

from voiceagent.weights import Manifest, Model, ModelFile
from voiceagent.weights.manifest import HubSource, Source, WheelSource

CONTENT = bytes(range(256)) * 4096  # 1 MiB
PATH = f"/someone/model/resolve/{COMMIT}/model.bin"
"""Where a hub has the file of `hub_source()`."""


class Notes:
    """A reporter that remembers: what was said, the (label, done, total) of every bar, and how bars advanced."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[tuple[str, int, int | None]] = []
        self.advances: list[int] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def bar(self, label: str, done: int, total: int | None) -> "Notes":
        self.bars.append((label, done, total))
        return self

    def __enter__(self) -> Any:
        return self.advances.append

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hub_source(path: str = "model.bin", repo: str = "someone/model") -> HubSource:
    return HubSource(repo=repo, revision=COMMIT, path=path)


def wheel_source(member: str = "tiny/model.bin", platform: str | None = None) -> WheelSource:
    return WheelSource(package="tiny-model", version="1.2", member=member, platform=platform)


def pinned(content: bytes, *sources: Source, name: str = "model.bin", hashed: bool = True) -> ModelFile:
    """The manifest's entry for that content; without a hash, its size is only approximate too."""
    size = len(content) if hashed else len(content) + 99
    digest = sha256(content) if hashed else None
    return ModelFile(name=name, size=size, exact=hashed, sha256=digest, sources=sources or (hub_source(),))


def listed(*files: ModelFile, name: str = "tiny", default: bool = True) -> Manifest:
    model = Model(name=name, role="asr", engine="engine", licence="MIT", default=default, files=files)
    return Manifest(models={name: model})


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


def serve_index(server: HubServer, wheels: Iterable[tuple[str, bytes]], package: str = "tiny-model") -> None:
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
