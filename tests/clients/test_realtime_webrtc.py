"""npm @openai/agents-realtime over WebRTC in Chromium, unmodified, on a page of another origin."""

import asyncio
import json
from contextlib import asynccontextmanager
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
ORIGIN = "http://client.localhost"
FROM_THERE = f"server.allow_origins=['{ORIGIN}']"
WORD_S = 0.3
DONE = "(count) => window.told.responses.filter((response) => response.status === 'completed').length >= count"


@pytest.fixture(scope="module")
def page_with_client(tmp_path_factory):
    """The text of a page with the client in it."""
    if not NODE_MODULES.exists():
        pytest.skip("npm packages are missing: run the tests with `make test-clients`")
    script = bundle("realtime_webrtc_client.mjs", tmp_path_factory.mktemp("bundle")).read_text()
    return f"<!doctype html><audio></audio><script type=module>{script}</script>"


@asynccontextmanager
async def browser_page(html, microphone: Path):
    """Give the page in a Chromium whose microphone plays a recording once."""
    async_api = pytest.importorskip("playwright.async_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    async with async_api.async_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = await browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.route(f"{ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
        await page.goto(f"{ORIGIN}/")
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


async def converse(url, html, microphone, completed):
    """Talk until so many responses are completed; return what the client told, its history, and how loud it was."""
    key = await client_secret(url)
    assert key.startswith("ek_")
    async with browser_page(html, microphone) as page:
        call = await page.evaluate("([calls, key]) => converse(calls, key)", [f"{url}/v1/realtime/calls", key])
        assert call.startswith("rtc_"), "the page can read Location"
        await page.evaluate("loudness()")
        await page.wait_for_function(DONE, arg=completed, timeout=60_000)
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


def test_a_spoken_conversation_with_a_tool_and_a_barge_in(tmp_path, page_with_client, people):
    async def main():
        engines, prompts = weather_talk(WORD_S)
        first, second = people[0].pcm, people[1].pcm[:16_000]
        heard = microphone(tmp_path / "microphone.wav", silence(2), first, silence(4), second, silence(30))
        async with open_server("llm.session_tokens=4096", FROM_THERE, engines=engines) as house:
            told, history, loudest = await converse(house.url, page_with_client, heard, 2)
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
def test_real_models_hear_the_questions_and_remember_what_was_heard_of_the_answer(tmp_path, page_with_client, people):
    first, second = people[:2]
    heard = microphone(tmp_path / "microphone.wav", silence(2), first.pcm, silence(5), second.pcm, silence(40))
    with serving("cpu.yaml", (*TALKATIVE, FROM_THERE)) as url:
        told, history, loudest = asyncio.run(converse(url, page_with_client, heard, 1))
    assert told["errors"] == [], json.dumps(told["errors"])
    check_real_talk([shown(item) for item in history], first, second)
    assert loudest > 0.05
