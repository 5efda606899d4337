"""What web pages can do to a server on the machine of their reader: a real Chromium, with pages of other origins."""

import asyncio
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from loopback import open_server
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
TOKEN = "a-token-of-the-tests"
FLAGS = ["--no-sandbox", "--host-resolver-rules=MAP evil.test 127.0.0.1"]
TRY = """async ([url, options]) => {
    try { return (await fetch(url, options)).status } catch { return "failed" }
}"""
SPEAK = """([url, protocols]) => new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.onmessage = ({ data }) => resolve([socket.protocol, JSON.parse(data)]);
    socket.onerror = () => resolve("refused");
})"""


@contextmanager
def served(*sets):
    """Serve in a thread; give the port."""
    ready, found = threading.Event(), []

    async def main():
        leave = asyncio.Event()
        async with open_server(*sets) as house:
            found.extend([int(house.url.rpartition(":")[2]), asyncio.get_running_loop(), leave.set])
            ready.set()
            await leave.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(60)
        yield found[0]
    finally:
        found[1].call_soon_threadsafe(found[2])
        thread.join(60)


@contextmanager
def another_page(folder):
    """Serve an empty page by another port of this machine; give its address."""
    (folder / "index.html").write_text("<!doctype html><title>another page</title>")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def page():
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_another_page_reaches_nothing_and_reads_nothing(page, tmp_path, doors):
    with served() as port, another_page(tmp_path) as other:
        statuses = []
        page.on("response", lambda response: statuses.append(response.status))
        page.goto(other)
        statuses.clear()
        here = f"http://127.0.0.1:{port}"
        blind = {"method": "POST", "mode": "no-cors", "headers": {"content-type": "text/plain"}, "body": "{}"}
        for path in ("/page/offer", "/api/offer"):
            assert page.evaluate(TRY, [here + path, blind]) == 0  # a page cannot see what became of it; we can
        assert page.evaluate(TRY, [f"{here}/api/sessions", {"mode": "no-cors"}]) == 0
        assert page.evaluate(TRY, [f"{here}/api/sessions", {}]) == "failed"
        assert statuses == [403] * 3  # the browser shows nobody the fourth
        assert page.evaluate(SPEAK, [f"ws://127.0.0.1:{port}/echo", []]) == "refused"
        page.goto(f"{here}/health")
        assert page.evaluate(SPEAK, [f"ws://127.0.0.1:{port}/echo", []])[1]["query"] == ""


def test_a_name_that_leads_here_is_not_this_servers(page, doors):
    with served() as port:
        assert page.goto(f"http://evil.test:{port}/").status == 403
        assert page.evaluate(TRY, ["/page/offer", {"method": "POST", "body": "{}"}]) == 403
        assert page.evaluate(SPEAK, [f"ws://evil.test:{port}/echo", []]) == "refused"
        assert page.goto(f"http://localhost:{port}/").status == 200


def test_an_allowed_page_calls_with_the_token(page, tmp_path, doors):
    with ExitStack() as stack:
        other = stack.enter_context(another_page(tmp_path))
        port = stack.enter_context(served(f"server.token={TOKEN}", f"server.allow_origins=['{other.rstrip('/')}']"))
        page.goto(other)
        here, bearer = (
            f"http://127.0.0.1:{port}",
            {"authorization": f"Bearer {TOKEN}", "openai-beta": "realtime=v1"},
        )
        assert page.evaluate(TRY, [f"{here}/page/config", {}]) == 401
        assert page.evaluate(TRY, [f"{here}/page/config", {"headers": bearer}]) == 200
        patch = {"method": "PATCH", "headers": bearer, "body": "[]"}
        assert page.evaluate(TRY, [f"{here}/page/offer", patch]) == 400
        echo = f"ws://127.0.0.1:{port}/echo"
        assert page.evaluate(SPEAK, [echo, []]) == "refused"
        assert page.evaluate(SPEAK, [echo, [f"voiceagent-token.{TOKEN}"]])[0] == f"voiceagent-token.{TOKEN}"
        assert page.evaluate(SPEAK, [echo, ["voiceagent", f"voiceagent-token.{TOKEN}"]])[0] == "voiceagent"
        assert page.evaluate(SPEAK, [f"{echo}?token={TOKEN}", []])[1]["query"] == ""
