"""A browser's own WebRTC against the server: what a later offer, a restart of ICE and transceivers nobody wants do."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser import CHROMIUM, FLAGS
from loopback import open_server
from turn_server import SECRET, coturn

pytestmark = [
    pytest.mark.browser,
    pytest.mark.realtime,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is not installed"),
]
async_api = pytest.importorskip("playwright.async_api")
CLIENT = (Path(__file__).parent / "webrtc_client.js").read_text()
PATIENCE_S = 30
THOROUGH = pytest.mark.thorough
CALM = "vad.threshold=1"
"""Chromium's microphone beeps every second; nobody is interrupted by that here."""


@asynccontextmanager
async def browser_of(house):
    """Give a page of the server's origin with the client in it, and nothing of ours."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            page = await browser.new_page()
            await page.goto(f"{house.url}/health")
            await page.evaluate(CLIENT)
            yield page
        finally:
            await browser.close()


async def until(page, condition):
    """Wait until the client's statistics meet a condition, and return them."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition(stats := await page.evaluate("client.stats()")):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.05)
    return stats


async def talks(page, house, session=None):
    """Sound goes both ways and typed words are answered, in one session; return it and the statistics."""
    before = await page.evaluate("client.stats()")
    (described,) = await house.sessions()
    await until(page, lambda stats: stats["state"] == "connected" and stats["received"] > before["received"] + 25)
    await page.evaluate("""new Promise((resolve) => {
        const say = () => { client.channel.send('{"type": "text", "text": "hello"}'); resolve(); };
        client.channel.readyState === "open" ? say() : client.channel.onopen = say;
    })""")
    ends = before["kinds"].count("agent.end")
    stats = await until(page, lambda stats: stats["kinds"].count("agent.end") > ends)
    (now,) = await house.sessions()
    assert now["receive"]["received"] > described["receive"]["received"] + 10
    assert session in (None, now["session"])
    return now["session"], stats


def test_a_browser_restarts_ice_adds_cameras_and_connects_anew_in_one_session():
    async def main():
        async with open_server(CALM) as house, browser_of(house) as page:
            await page.evaluate("client.connect({cameras: 2})")
            session, first = await talks(page, house)
            assert (await page.evaluate("client.answer")).count("a=inactive") == 2
            await page.evaluate("client.pc.restartIce(), client.negotiate()")
            await until(page, lambda stats: stats["ufrag"] not in (None, first["ufrag"]))
            await talks(page, house, session)
            await page.evaluate("client.pc.addTransceiver('video'), client.negotiate()")
            assert (await page.evaluate("client.answer")).count("a=inactive") == 3
            await talks(page, house, session)
            await page.evaluate("client.exchange()")
            await talks(page, house, session)
            await page.evaluate("client.old = client.pc, client.connect()")
            async with asyncio.timeout(PATIENCE_S):
                while await page.evaluate("client.old.connectionState") == "connected":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await talks(page, house, session)

    asyncio.run(main())


def test_a_browser_that_may_only_relay_is_heard_through_coturn(tmp_path):
    async def main(turn):
        secret = f"server.turn={{urls: '{turn}', secret: '{SECRET}'}}"
        async with open_server(CALM, secret) as house, browser_of(house) as page:
            await page.evaluate("""fetch("/page/config").then((answer) => answer.json()).then(({ ice_servers }) =>
                client.connect({ iceServers: ice_servers, policy: "relay", candidates: "whole" }))""")
            _, stats = await talks(page, house)
            assert stats["local"] == "relay"

    with coturn(tmp_path) as turn:
        asyncio.run(main(turn))


@pytest.mark.parametrize(
    "codec", ["audio/PCMU", pytest.param("audio/PCMA", marks=THOROUGH), pytest.param("audio/G722", marks=THOROUGH)]
)
def test_a_browser_without_opus_is_heard_and_hears(codec):
    async def main():
        async with open_server(CALM) as house, browser_of(house) as page:
            await page.evaluate(f"client.connect({{ codec: '{codec}' }})")
            _, stats = await talks(page, house)
            assert stats["codec"] == codec
            assert stats["energy"] > 0
            (session,) = await house.sessions()
            assert session["receive"]["corrupt"] == 0

    asyncio.run(main())
