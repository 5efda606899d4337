"""`voiceagent talk --page`: the page in a real Chromium shows that conversation, and can hold another."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from loopback_devices import Plugged

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.app.talking import TalkOptions, talk_over
from voiceagent.local.portaudio import Choice

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.realtime]

CHROMIUM = "/usr/bin/chromium"
if not Path(CHROMIUM).exists():
    pytest.skip(f"{CHROMIUM} is not installed", allow_module_level=True)
GREETING = "Hello from the loudspeaker of this very machine."


@asynccontextmanager
async def talking():
    """Talk over devices that tick as real ones do; give the page's address and how to end it."""
    settings = load_settings("scripted.yaml", [f"session.greeting={GREETING}", "session.idle_s=0"]).settings
    devices, listener = Plugged(), socket.create_server(("127.0.0.1", 0))

    async def tick():
        while True:
            await asyncio.sleep(0.01)
            if devices.opened and not devices.now.closed:
                devices.now.tick()

    ticking = asyncio.create_task(tick())
    options = TalkOptions(Choice(), cancel_echo=False, serve=True)
    talking = asyncio.create_task(talk_over(Agent(settings), options, devices, (), listener))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", talking.cancel
    finally:
        talking.cancel()
        with suppress(asyncio.CancelledError):
            await talking
        ticking.cancel()


@asynccontextmanager
async def browser():
    api = pytest.importorskip("playwright.async_api")
    async with api.async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"],
        )
        yield chromium, api.expect
        await chromium.close()


async def test_pages_show_what_is_said_at_this_machine_early_or_late_and_to_its_end(tmp_path):
    async with browser() as (chromium, expect), talking() as (url, end):
        early = await chromium.new_page(viewport={"width": 1280, "height": 860})
        await early.goto(url)
        said = early.locator("#entries > li.entry-agent .said")
        await expect(said).to_have_text(GREETING, timeout=30_000)
        await expect(early.locator("#entries .word.heard")).to_have_count(len(GREETING.split()), timeout=30_000)
        await expect(early.locator("#status")).to_have_text("Showing the conversation at this machine")
        await early.screenshot(path=tmp_path / "watching.png")
        late = await chromium.new_page()
        await late.goto(url)
        await expect(late.locator("#entries .word.heard")).to_have_count(len(GREETING.split()), timeout=30_000)
        end()
        for page in (early, late):
            await expect(page.locator("#status")).to_have_text("The conversation at this machine is over.")


@pytest.mark.thorough
async def test_a_person_at_the_page_can_leave_it_for_a_conversation_of_their_own():
    async with browser() as (chromium, expect), talking() as (url, _):
        page = await chromium.new_page()
        await page.goto(url)
        await expect(page.locator("#status")).to_have_text("Showing the conversation at this machine", timeout=30_000)
        await page.get_by_role("button", name="Connect").click()
        await expect(page.locator("body")).to_have_attribute("data-state", "connected", timeout=30_000)
        await expect(page.locator("#entries .note").first).to_have_text("Your own conversation")
        await page.get_by_label("Message to the agent").fill("Are you there?")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#entries > li.entry-user .said").last).to_have_text("Are you there?")
