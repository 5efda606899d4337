"""The application for Modal, without Modal: what it asks of it, and what a container serves."""

import asyncio
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from voiceagent.app.settings import load_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "modal_app.py"


class Anything:
    """Stands for any object of Modal's: attributes are further ones, and calls are written down."""

    def __init__(self, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]], name: str = "modal") -> None:
        self._calls = calls
        self._name = name

    def __getattr__(self, name: str) -> "Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(self._calls, f"{self._name}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._calls.append((self._name, arguments, options))
        decorated = arguments[0] if len(arguments) == 1 and not options else None
        if callable(decorated) and not isinstance(decorated, Anything | str):
            return decorated
        return Anything(self._calls, re.sub(r"\.\w+$", "", self._name) or self._name)


@pytest.fixture
def modal(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    monkeypatch.setitem(sys.modules, "modal", Anything(calls))  # type: ignore[arg-type]
    return calls


@pytest.fixture
def app(modal: object) -> ModuleType:
    spec = importlib.util.spec_from_file_location("modal_app", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options(calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]], ending: str) -> dict[str, Any]:
    return next(given for name, _, given in calls if name.endswith(ending))


def test_a_container_has_a_gpu_the_models_and_time_for_whole_calls(app: ModuleType, modal: list[Any]) -> None:
    container = options(modal, ".cls")
    assert container["gpu"] == "L40S"
    assert list(container["volumes"]) == ["/data"]
    assert container["timeout"] >= 3600, "Modal ends inputs after 300 s, and so calls, unless it is told otherwise"
    together = options(modal, ".concurrent")
    assert together["target_inputs"] < together["max_inputs"]


def test_the_image_is_made_of_files_that_are_there_and_of_pinned_versions(app: ModuleType, modal: list[Any]) -> None:
    copied = [given[0] for name, given, _ in modal if name.endswith((".add_local_file", ".add_local_dir"))]
    assert copied
    assert [path for path in copied if not path.exists()] == []
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "constraints-nemo.txt").read_text(), re.MULTILINE))
    installed = next(given for name, given, _ in modal if name.endswith(".uv_pip_install"))
    assert f"torch=={pins['torch']}" in installed
    toolkit = next(word for word in installed if word.startswith("cuda-toolkit["))
    assert pins["cuda-toolkit"].startswith(toolkit.rpartition("==")[2])


def test_the_environment_puts_everything_that_stays_into_the_volume(app: ModuleType, modal: list[Any]) -> None:
    (variables,) = next(given for name, given, _ in modal if name.endswith(".env"))
    folders = {name: value for name, value in variables.items() if "__" not in name}
    assert {"VOICEAGENT_WEIGHTS_DIR", "XDG_CACHE_HOME", "HF_HOME"} == folders.keys()
    assert all(path.startswith("/data/") for path in folders.values())
    server = load_settings(app.CONFIG, environ={**variables, "VOICEAGENT_TOKEN": "a-token-of-sixteen"}).settings.server
    assert server.hosts == ("*.modal.run",), "callers name Modal's host"


def test_a_container_serves_the_page_and_is_ready_when_its_models_are(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "CONFIG", "scripted.yaml")

    async def call() -> list[int]:
        web = app.VoiceAgent().web()
        async with web.router.lifespan_context(web):
            transport = httpx.ASGITransport(web)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return [(await client.get(path)).status_code for path in ("/ready", "/")]

    assert asyncio.run(call()) == [200, 200]
