"""The network changes in the middle of an answer: the real page in a real Chromium, real models, a recorded voice."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aioice.ice import StunProtocol
from browser import CHROMIUM, FLAGS, RECORD, microphone
from loopback import open_server
from test_browser_resume import FACTS, WORDS, errors_in

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.browser,
    pytest.mark.models,
    pytest.mark.realtime,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]
async_api = pytest.importorskip("playwright.async_api")
HEARD = 'document.querySelectorAll("#entries .word.heard").length'
PATIENCE_S = 90


class Network:
    """The network between server and browser: what ways there are is lost when it changes; new ones are found."""

    def __init__(self, monkeypatch):
        self._lost = set()
        self._known = set()
        self._away = False
        received, data, stun = StunProtocol.datagram_received, StunProtocol.send_data, StunProtocol.send_stun

        def passing(deliver):
            return lambda protocol, *arguments: self._passes(protocol) and deliver(protocol, *arguments)

        async def send_data(protocol, *arguments):
            if self._passes(protocol):
                await data(protocol, *arguments)

        monkeypatch.setattr(StunProtocol, "datagram_received", passing(received))
        monkeypatch.setattr(StunProtocol, "send_stun", passing(stun))
        monkeypatch.setattr(StunProtocol, "send_data", send_data)

    def _passes(self, protocol):
        self._known.add(protocol.id)
        return not self._away and protocol.id not in self._lost

    def changes(self):
        """No way that was used leads anywhere any more."""
        self._lost |= self._known

    def goes_away(self):
        """Nothing gets through until it comes back."""
        self._away = True

    def comes_back(self):
        self._away = False


@asynccontextmanager
async def page_of(house, recording):
    """Give the real page, connected, and the offers that it makes."""
    offers = []
    async with async_api.async_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={recording}%noloop"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            page = await browser.new_page()
            page.on("request", lambda one: one.method == "POST" and offers.append(json.loads(one.post_data)))
            await page.goto(house.url)
            await page.get_by_role("button", name="Connect").click()
            await async_api.expect(page.locator("body")).to_have_attribute("data-state", "connected", timeout=60_000)
            yield page, offers
        finally:
            await browser.close()


async def until_heard(page, count):
    async with asyncio.timeout(PATIENCE_S):
        while await page.evaluate(HEARD) < count:  # noqa: ASYNC110 - a page has no event for it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("what", ["another network", "a network that is away for three seconds"])
def test_a_change_of_the_network_loses_no_word_of_the_answer(tmp_path, monkeypatch, what):
    network = Network(monkeypatch)
    recording = microphone(tmp_path / "microphone.wav", 120.0)
    sound = tmp_path / "agent.webm"

    async def main():
        sets = (f"session.greeting={FACTS}", "llm.temperature=0")
        async with open_server(*sets, config="cpu.yaml") as house, page_of(house, recording) as (page, offers):
            await page.evaluate(RECORD)
            await until_heard(page, 10)
            (before,) = await house.sessions()
            if what == "another network":
                network.changes()
            else:
                network.goes_away()
                await asyncio.sleep(3)
                network.comes_back()
            await until_heard(page, len(WORDS))
            await asyncio.sleep(1)
            (after,) = await house.sessions()
            assert after["session"] == before["session"]
            assert [offer["pc_id"] is None for offer in offers][:1] == [True]
            if what == "another network":
                assert len(offers) > 1, "ICE was restarted"
                assert not any(offer["pc_id"] is None for offer in offers[1:]), "it is the same connection"
            sound.write_bytes(base64.b64decode(await page.evaluate("window.recording()")))

    asyncio.run(main())
    errors, count = errors_in(sound, WORDS)
    assert errors <= 0.2 * count
