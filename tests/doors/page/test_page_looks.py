"""How the page looks and how one gets about in it, in a real Chromium.

Nothing here compares pixels. The layout tests leave pictures of what they saw in their `tmp_path`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from page_fixture import FakeServer
from page_script import CONVERSATION, ended, spoken, work_between
from page_steps import INK, RIGHT, Visit, connect, messages, user, wait_for_ink
from playwright.sync_api import FloatRect, Page, expect

pytestmark = pytest.mark.browser


def test_the_keyboard_does_it_all(visit: Visit, server: FakeServer) -> None:
    page = visit()
    page.get_by_role("button", name="Connect").focus()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    mute = page.get_by_role("button", name="Mute")
    page.keyboard.press("m")
    expect(mute).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#floor")).to_have_text("You are muted")
    page.keyboard.press("m")
    expect(mute).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    server.expect("interrupt")
    page.get_by_label("Message to the agent").focus()
    page.keyboard.type("m")
    expect(mute).to_have_attribute("aria-pressed", "false")
    page.get_by_text("Keyboard and screen reader").click()
    page.get_by_label("Use the single-key shortcut M").uncheck()
    page.keyboard.press("m")
    expect(mute).to_have_attribute("aria-pressed", "false")


def test_what_has_the_focus_is_outlined(page: Page) -> None:
    page.locator("#transcript").focus()
    order = ["text", "send", "primary", "mute", "interrupt", "microphone", "SUMMARY", "SUMMARY", "strip", "SUMMARY"]
    for expected in order:
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
                const at = document.activeElement;
                return [at.id || at.tagName, getComputedStyle(at).outlineStyle];
            }"""
        )
        assert (name, outline) == (expected, "solid")


def test_landmarks_labels_and_live_regions(page: Page, server: FakeServer) -> None:
    for landmark in ("banner", "main", "complementary", "contentinfo", "log", "status", "alert"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("Connected. Speak whenever you like.")
    expect(page.get_by_role("log", name="Transcript")).to_have_attribute("aria-live", "off")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas")]
            .filter((at) => at.checkVisibility() && !at.textContent.trim() && !at.ariaLabel && !at.labels?.length)
            .map((at) => at.outerHTML)"""
    )
    assert unnamed == []
    server.send(user(1, "Quiet please.", final=True))
    expect(page.locator("#entries")).to_contain_text("Quiet please.")
    expect(page.get_by_role("status")).to_have_text("Connected. Speak whenever you like.")


def test_the_conversation_is_read_out_where_one_asks_for_it(page: Page, server: FakeServer) -> None:
    page.get_by_text("Keyboard and screen reader").click()
    page.get_by_label("Let my screen reader speak the conversation too").check()
    server.send(user(1, "Hello.", final=True))
    expect(page.get_by_role("status")).to_have_text("You: Hello.")
    server.send(*messages(spoken(1, 0, "Hello to you too.")), ended(1, "interrupted", 2))
    expect(page.get_by_role("status")).to_have_text("Amber: Hello to")


SCREENS = [("light", 1280, 860), ("dark", 1280, 860), ("light", 390, 844), ("dark", 320, 640), ("light", 800, 1000)]

POOR_CONTRAST = """(elements) => {
    const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (...layers) => {
        paint.clearRect(0, 0, 1, 1);
        for (const layer of layers) (paint.fillStyle = layer), paint.fillRect(0, 0, 1, 1);
        return [...paint.getImageData(0, 0, 1, 1).data];
    };
    const grounds = (at) => (at ? [...grounds(at.parentElement), getComputedStyle(at).backgroundColor] : []);
    const light = (colour) => {
        const [r, g, b] = colour.slice(0, 3).map((part) => part / 255)
            .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (element) => {
        const under = grounds(element);
        const pair = [light(rgb(...under)), light(rgb(...under, getComputedStyle(element).color))];
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    };
    return elements.filter((element) => element.checkVisibility() && contrast(element) < 4.5)
        .map((element) => `${element.textContent}: ${contrast(element)}`);
}"""

TEXTS = (
    "#name, #status, #floor, .side-you, .side-agent, .speaker, .entry-user .said, .word, del .word, .tag, #primary, "
    "#mute, #send, #voice-to-voice, #v2v-words, #stages li > span, #lane-list dt, #lane-list dd, .legend li, h2, "
    ".choice label, footer summary, .note"
)


@pytest.mark.parametrize(("scheme", "width", "height"), SCREENS)
def test_the_page_is_whole_at_every_size_and_in_both_lights(
    visit: Visit, server: FakeServer, tmp_path: Path, scheme: str, width: int, height: int
) -> None:
    page = visit(color_scheme=scheme, viewport={"width": width, "height": height})
    idle = picture(page, tmp_path / f"{scheme}-{width}-idle.png")
    connect(page)
    show_a_conversation(page, server)
    picture(page, tmp_path / f"{scheme}-{width}-talk.png")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    important = ["#name", "#status", "#level", "#floor", "#transcript", "#composer", "#primary", "#mute", "#interrupt"]
    important += ["#microphone", "#voice-to-voice", "#history", "#stages", "#strip"]
    boxes = {name: page.locator(name).bounding_box() for name in important}
    for name, box in boxes.items():
        assert box, f"{name} is not visible"
        assert box["width"] > 8, f"{name} has no width"
        assert box["height"] > 8, f"{name} has no height"
        assert box["x"] >= -0.5, f"{name} sticks out"
        assert box["x"] + box["width"] <= width + 0.5, f"{name} sticks out"
    for index, one in enumerate(important):
        for other in important[index + 1 :]:
            assert not overlap(boxes[one], boxes[other]), f"{one} and {other} overlap"
    primary = boxes["#primary"]
    assert primary
    assert primary["y"] + primary["height"] <= height, "the main button is below the fold"
    assert primary["height"] >= 44

    assert page.locator(TEXTS).count() > 60
    assert page.locator(TEXTS).evaluate_all(POOR_CONTRAST) == []
    assert page.locator("#level").evaluate(INK, [0.0, 1.0]) > 0.02
    assert page.locator("#strip").evaluate(INK, [0.0, 1.0]) > 0.1
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, ground.removeprefix("rgb(").rstrip(")").split(","))) / 3
    assert (brightness > 200) is (scheme == "light")
    assert idle > 10_000


def test_less_motion_is_respected(visit: Visit, server: FakeServer) -> None:
    page = connect(visit(reduced_motion="reduce"))
    server.send(user(1, "Still thinking", final=False))
    expect(page.locator(".partial")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_notice_fits_on_a_phone(visit: Visit, server: FakeServer) -> None:
    server.refusal = (503, "server_full", "All 4 places are taken, please try again a little later.", 60)
    page = visit(viewport={"width": 320, "height": 640})
    page.get_by_role("button", name="Connect").click()
    boxes = [page.locator(name).bounding_box() for name in ("#notice", "#composer", "#primary", "#floor")]
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert not any(overlap(boxes[0], other) for other in boxes[1:])


def show_a_conversation(page: Page, server: FakeServer) -> None:
    """Everything of the script at once, with the sounds and the work that belong to it."""
    now = time.monotonic()
    server.speak(True)
    server.send(*messages(CONVERSATION), {"type": "floor", "holder": "agent"})
    server.send({"type": "lanes", "now": now, "steps": list(work_between(now - 11, now - 0.5))})
    expect(page.locator(".word.now")).to_have_text("reddish")
    wait_for_ink(page, "#strip", [0.1, 0.8], 0.1)
    wait_for_ink(page, "#level", RIGHT, 0.05)


def picture(page: Page, path: Path) -> int:
    """Leaves a picture of the whole page; returns its size in bytes."""
    return len(page.screenshot(path=path, full_page=True))


def overlap(one: FloatRect | None, other: FloatRect | None) -> bool:
    if not one or not other:
        return False
    apart = (
        one["x"] + one["width"] <= other["x"] + 0.5
        or other["x"] + other["width"] <= one["x"] + 0.5
        or one["y"] + one["height"] <= other["y"] + 0.5
        or other["y"] + other["height"] <= one["y"] + 0.5
    )
    return not apart


def test_the_policy_of_the_fake_server_forbids_what_is_inline(visit: Visit, server: FakeServer) -> None:
    page = visit()
    assert page.evaluate("document.querySelectorAll('script:not([src]), style, [style], [onclick]').length") == 0
    assert json.loads(page.evaluate("fetch('page/config').then((answer) => answer.text())"))["name"] == "Amber"
