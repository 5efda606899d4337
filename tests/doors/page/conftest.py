"""A real Chromium and a fake server for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_fixture import FakeServer
from page_steps import Visit, connect
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--host-resolver-rules=MAP insecure.test 127.0.0.1",
]
# Chromium's own lines about the refusals that tests ask for, and about how the tests look at a canvas.
NOT_OURS = ("Failed to load resource", "Canvas2D: Multiple readback")
expect.set_options(timeout=20_000)  # a busy machine is not a failure


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def visit(browser: Browser, server: FakeServer) -> Iterator[Visit]:
    """Opens the page; keywords go to the browser context. At the end, the page must not have complained."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(before: str = "", url: str = "", **context: Any) -> Page:
        contexts.append(browser.new_context(**{"permissions": ["microphone"], **context}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", lambda request: complaints.append(request.url) if "//fonts" in request.url else None)
        if before:
            page.add_init_script(before)
        page.goto(url or server.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in complaints if not line.startswith(NOT_OURS)] == []


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page, connected."""
    return connect(visit())
