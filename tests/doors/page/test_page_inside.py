"""Waterfall, lanes and network, as the page draws them in a real Chromium."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from page_fixture import FakeServer
from page_script import trace, work_between
from page_steps import wait_for_ink
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_turn_is_shown_as_a_waterfall(page: Page, server: FakeServer) -> None:
    server.send(trace(1, 412))
    expect(page.locator("#voice-to-voice")).to_have_text("412ms")
    expect(page.locator("#v2v-words")).to_contain_text("It was prepared while you paused.")
    rows = page.locator("#stages li")
    assert rows.locator("> span:first-child").all_text_contents() == [
        "silence",
        "transcript",
        "turn decision",
        "first token",
        "first segment",
        "first audio",
        "first packet",
    ]
    assert rows.first.locator(".took").text_content() == "64 milliseconds"
    boxes = [box for bar in page.locator(".bar").all() if (box := bar.bounding_box())]
    silence, transcript, decision, token, *_, packet = boxes
    assert silence["x"] + silence["width"] == pytest.approx(transcript["x"], abs=1)
    assert token["x"] < decision["x"]
    per_ms = silence["width"] / 64
    assert packet["x"] - silence["x"] == pytest.approx(372 * per_ms, abs=1.5)
    heard = page.locator(".heard-at").bounding_box()
    assert heard
    assert heard["x"] - silence["x"] == pytest.approx(412 * per_ms, abs=2)


def test_the_last_ten_turns_can_be_chosen_by_keyboard(page: Page, server: FakeServer) -> None:
    server.send(*(trace(turn, 300 + turn) for turn in range(1, 13)))
    expect(page.locator("#v2v-number")).to_have_text("312")
    expect(page.locator("#v2v-words")).to_contain_text("Median of 10: 308 ms")
    turns = page.get_by_role("group", name="Turn to show").get_by_role("radio")
    expect(turns).to_have_count(10)
    turns.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#v2v-number")).to_have_text("311")
    server.send(trace(13, 350))  # someone who looks at an older turn is not torn away from it
    expect(turns.last).to_have_attribute("aria-label", "Turn 13: 350 milliseconds, completed")
    expect(page.locator("#v2v-number")).to_have_text("311")


def test_a_turn_without_an_audible_answer_has_no_number(page: Page, server: FakeServer) -> None:
    server.send(trace(1, None, "none", "cancelled"))
    expect(page.locator("#v2v-words")).to_contain_text("no spoken answer followed on speech (cancelled)")
    expect(page.locator("#voice-to-voice .unit")).to_be_hidden()


COLOURS = """(canvas, names) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] === 255) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    }
    return names.filter((name) => {
        const hex = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim().slice(1);
        return seen.has([0, 2, 4].map((digit) => parseInt(hex.slice(digit, digit + 2), 16)).join());
    });
}"""


def a_step(**differences: Any) -> dict[str, Any]:
    step = {"lane": "llm", "key": "llm.decode", "start": 90.0, "end": 100.0, "generation": None, "mine": True}
    return {**step, "streams": 1, "slack_ms": None, "need": "promised", "missed": False, "failure": None, **differences}


def test_the_lanes_show_who_worked_when_and_for_whom(page: Page, server: FakeServer) -> None:
    now = time.monotonic()
    server.send({"type": "lanes", "now": now, "steps": list(work_between(now - 11, now - 0.5))})
    wait_for_ink(page, "#strip", [0.1, 0.8], 0.15)
    assert page.locator("#strip").evaluate(COLOURS, ["listening", "even", "odd", "others"]) == [
        "listening",
        "even",
        "odd",
        "others",
    ]
    expect(page.locator("#lane-list dd > :first-child").first).to_have_text(re.compile(r"^[1-6] %$"))
    assert page.locator("#lane-list dt").all_text_contents() == ["VAD", "ASR", "Turn", "LLM", "TTS"]


def test_a_step_under_the_pointer_is_named(page: Page, server: FakeServer) -> None:
    step = a_step(generation=4, predicted_ms=9000, slack_ms=-12.5, missed=True)
    server.send({"type": "lanes", "now": 100.0, "steps": [step]})
    wait_for_ink(page, "#strip", [0.1, 0.8], 0.1)
    box = page.locator("#strip").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.7)
    expect(page.locator("#step-words")).to_have_text(
        "LLM, llm.decode: 10,000 ms, 9,000 ms predicted. 12.5 ms too late when it began. It missed its deadline. "
        "For you, for answer 4."
    )
    page.mouse.move(0, 0)
    expect(page.locator("#step-words")).to_contain_text("Point at a step")


def test_the_arrow_keys_walk_over_the_steps_and_a_screen_reader_hears_them(page: Page, server: FakeServer) -> None:
    early = a_step(start=92.0, end=94.0, need="speculative", streams=3)
    heard = a_step(start=95.0, end=96.0, lane="asr", key="asr.chunk", mine=False, failure="memory")
    server.send({"type": "lanes", "now": 100.0, "steps": [early, a_step(start=96.0, end=98.0, need="awaited"), heard]})
    wait_for_ink(page, "#strip", [0.1, 0.9], 0.05)
    strip = page.get_by_role("slider")
    strip.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"^LLM, llm.decode: 2,000 ms. A caller waited"))
    page.keyboard.press("ArrowLeft")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("Done early.*One of 3 callers at once, you among"))
    expect(strip).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("End")
    expect(page.locator("#step-words")).to_contain_text("A caller waited")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#step-words")).to_have_text("TTS: no steps in the last ten seconds.")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    expect(page.locator("#step-words")).to_contain_text("It failed: too little memory. For another caller.")


def test_a_lane_that_hangs_is_called_stuck_and_what_failed_is_counted(page: Page, server: FakeServer) -> None:
    server.send({"type": "lanes", "now": 100.0, "steps": [a_step(failure="hang", missed=True)]})
    llm = page.locator("#lane-list div").nth(3)
    expect(llm).to_have_text("LLMstuck busy; steps: 1, too late: 1, failed: 1")
    wait_for_ink(page, "#strip", [0.1, 0.8], 0.1)
    assert page.locator("#strip").evaluate(COLOURS, ["stop", "even"]) == ["stop"]


def test_the_network_is_told_in_small_print(page: Page, server: FakeServer) -> None:
    expect(page.locator("#network")).to_contain_text("ms round trip")  # the page's own ping
    server.send({"type": "network", "rtt_ms": 41.7, "lost_percent": 1.25, "lag_ms": 38})
    expect(page.locator("#network")).to_have_text("42 ms round trip · 1.3 % lost · sound 38 ms behind")
