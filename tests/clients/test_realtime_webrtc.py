"""npm @openai/agents-realtime over WebRTC in Chromium, unmodified, on a page of another origin."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from loopback import open_server
from programs import NODE_MODULES, bundle
from realtime_scripts import SHORT, TALKATIVE, check_history, check_real_talk, people, weather_talk

from benchmarks.served import serving
from voiceagent.audio.files import resample, write_wav
from voiceagent.testing.sound import silence

__all__ = ["people"]  # a fixture

pytestmark = [pytest.mark.clients, pytest.mark.browser, pytest.mark.realtime]

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)
WORD_S = 0.3
DONE = "(count) => told.responses.length >= count && told.responses.at(-1).status !== 'cancelled'"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a page with the client in it, on another origin than the server's."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    if not NODE_MODULES.exists():
        pytest.skip("npm packages are missing: run the tests with `make test-clients`")
    folder = tmp_path_factory.mktemp("site")
    script = bundle("realtime_webrtc_client.mjs", folder).name
    (folder / "index.html").write_text(f'<!doctype html><audio></audio><script type="module" src="{script}"></script>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def allowing(site):
    return f"server.allow_origins=['{site}']"


@asynccontextmanager
async def browser_page(site, microphone: Path):
    """Give the page in a Chromium whose microphone plays a recording once."""
    async_api = pytest.importorskip("playwright.async_api")
    async with async_api.async_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = await browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(site)
        await page.wait_for_function("() => window.converse !== undefined")
        try:
            yield page
            assert errors == []
        finally:
            await browser.close()


async def client_secret(url):
    async with httpx.AsyncClient(base_url=url) as http:
        response = await http.post("/v1/realtime/client_secrets", json={"session": {"type": "realtime"}})
    assert response.status_code == 200, response.text
    return response.json()["value"]


async def converse(url, site, microphone, ended):
    """Talk until there are that many responses, the last not cancelled; return what was told, history and loudness."""
    key = await client_secret(url)
    assert key.startswith("ek_")
    async with browser_page(site, microphone) as page:
        call = await page.evaluate("([calls, key]) => converse(calls, key)", [f"{url}/v1/realtime/calls", key])
        assert call.startswith("rtc_"), "the page can read Location"
        await page.evaluate("loudness()")
        try:
            await page.wait_for_function(DONE, arg=ended, timeout=60_000)
        except Exception as error:
            raise AssertionError(f"it has not ended: {json.dumps(await page.evaluate('told'))[-4000:]}") from error
        await page.wait_for_timeout(500)  # what was retrieved comes after the answer
        told, history = await page.evaluate("told"), await page.evaluate("history_()")
        return told, history, await page.evaluate("loudest")


def microphone(path, *sounds):
    write_wav(path, resample(np.concatenate(sounds), 16_000, 48_000), 48_000)
    return path


def shown(item):
    if item["role"] == "function_call":
        return "function_call", item["output"]
    return item["role"], " ".join(item["texts"])


def test_a_spoken_conversation_with_a_tool_and_a_barge_in(tmp_path, site, people):
    async def main():
        engines, prompts = weather_talk(WORD_S)
        first, second = people[3].pcm, people[1].pcm[:16_000]  # evenly loud: the scripted detector goes by loudness
        heard = microphone(tmp_path / "microphone.wav", silence(2), first, silence(4), second, silence(30))
        async with open_server("llm.session_tokens=4096", allowing(site), engines=engines) as house:
            told, history, loudest = await converse(house.url, site, heard, 3)
        assert told["errors"] == []
        assert told["cities"] == ["Rome"]
        check_history([shown(item) for item in history], prompts)
        called, interrupted, short = told["responses"]
        assert [item["type"] for item in called["output"]] == ["function_call"]
        assert interrupted["status"] == "cancelled"
        assert short["output"][0]["content"][0]["transcript"] == SHORT
        (cut,) = told["truncated"]
        assert cut["item_id"] == interrupted["output"][0]["id"]
        words = interrupted["output"][0]["content"][0]["transcript"].split()
        assert WORD_S * (len(words) - 1) < cut["audio_end_ms"] / 1000 < WORD_S * (len(words) + 2)
        buffer = [kind.removeprefix("output_audio_buffer.") for kind in told["kinds"] if "output_audio_buffer" in kind]
        assert buffer == ["started", "cleared", "started", "stopped"]
        assert "response.output_audio.delta" not in told["kinds"], "audio comes by RTP"
        assert loudest > 0.05, "and is heard"

    asyncio.run(main())


@pytest.mark.models
def test_real_models_hear_the_questions_and_remember_what_was_heard_of_the_answer(tmp_path, site, people):
    first, second = people[:2]
    heard = microphone(tmp_path / "microphone.wav", silence(2), first.pcm, silence(9), second.pcm, silence(40))
    with serving("cpu.yaml", (*TALKATIVE, allowing(site))) as url:
        told, history, loudest = asyncio.run(converse(url, site, heard, 2))
    assert told["errors"] == [], json.dumps(told["errors"])
    check_real_talk([shown(item) for item in history], first, second)
    assert loudest > 0.05
