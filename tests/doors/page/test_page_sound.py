"""Microphone, loudspeaker and the display of who has the floor, in a real Chromium."""

from __future__ import annotations

import pytest
from page_fixture import FakeServer
from page_steps import INK, LEFT, RIGHT, Visit, connect, user, wait_for_ink
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


FAIL_MICROPHONE = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', %r); }"


@pytest.mark.parametrize(
    ("error", "title"),
    [
        ("NotAllowedError", "The microphone is not allowed"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "The microphone does not start"),
    ],
)
def test_without_a_microphone_one_listens_and_types(visit: Visit, server: FakeServer, error: str, title: str) -> None:
    page = connect(visit(before=FAIL_MICROPHONE % error))
    expect(page.locator("#notice-title")).to_have_text(title)
    assert "a=recvonly" in server.offers[0]["sdp"]
    expect(page.locator("#floor")).to_have_text("Type, and listen")
    expect(page.locator("#mute")).to_be_disabled()
    page.evaluate("delete navigator.mediaDevices.getUserMedia")  # allowed now: the browser's own is back
    page.get_by_role("button", name="Use the microphone").click()
    expect(page.locator("#mute")).to_be_enabled()
    assert "a=sendrecv" in server.offers[1]["sdp"]


def test_an_insecure_page_says_where_the_microphone_works(visit: Visit, server: FakeServer) -> None:
    page = connect(visit(url=server.url.replace("127.0.0.1", "insecure.test"), permissions=[]))
    expect(page.locator("#notice-title")).to_have_text("The microphone needs a secure page")
    expect(page.locator("#notice-advice")).to_contain_text("http://localhost")


def test_the_chosen_microphone_is_remembered_and_changed_within_the_call(visit: Visit, server: FakeServer) -> None:
    page = connect(visit())
    chosen = page.get_by_label("Microphone").locator("option").nth(1).text_content()
    page.get_by_label("Microphone").select_option(index=1)
    server.send(user(1, "Still here.", final=True))
    expect(page.locator("#entries")).to_contain_text("Still here.")
    assert len(server.offers) == 1
    page.reload()
    expect(page.locator("#mute")).to_be_enabled()  # the call goes on, and a microphone is open
    assert len(server.offers) == 2
    expect(page.get_by_label("Microphone").locator("option:checked")).to_have_text(chosen or "")


def test_no_microphone_can_be_a_choice(visit: Visit, server: FakeServer) -> None:
    page = visit()
    page.get_by_label("Microphone").select_option("none")
    connect(page)
    assert "a=recvonly" in server.offers[0]["sdp"]
    expect(page.locator("#notice")).to_be_hidden()


def test_sound_that_the_browser_holds_back_is_started_by_a_button(visit: Visit) -> None:
    refuse_once = """const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = async function () {
            HTMLMediaElement.prototype.play = play;
            throw new DOMException("", "NotAllowedError");
        };"""
    page = connect(visit(before=refuse_once))
    expect(page.locator("#notice-title")).to_have_text("Your browser blocks the sound")
    page.get_by_role("button", name="Hear the agent").click()
    expect(page.locator("#notice")).to_be_hidden()
    assert page.evaluate("!document.querySelector('audio').paused")


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ("user", "You have the floor"),
        ("agent", "Amber is speaking"),
        ("thinking", "Amber is thinking"),
        ("none", "Listening"),
    ],
)
def test_the_floor_is_told_in_words_and_colour(page: Page, server: FakeServer, holder: str, words: str) -> None:
    server.send({"type": "floor", "holder": holder})
    expect(page.locator("body")).to_have_attribute("data-floor", holder)
    expect(page.locator("#floor")).to_have_text(words)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_each_sound_moves_its_own_side(visit: Visit, server: FakeServer, motion: str) -> None:
    page = visit(reduced_motion=motion)
    quiet = page.locator("#level").evaluate(INK, RIGHT)
    connect(page)
    wait_for_ink(page, "#level", LEFT, quiet * 1.3)  # Chromium's fake microphone beeps
    assert page.locator("#level").evaluate(INK, RIGHT) < quiet * 1.3
    server.speak(True)
    wait_for_ink(page, "#level", RIGHT, quiet * 1.3)


def test_the_servers_levels_are_shown_where_the_browser_measures_none(visit: Visit, server: FakeServer) -> None:
    page = visit(before="Object.defineProperty(AudioContext.prototype, 'state', { get: () => 'suspended' })")
    page.emulate_media(reduced_motion="reduce")
    quiet = page.locator("#level").evaluate(INK, LEFT)
    connect(page)
    server.send({"type": "level", "user": -14.0, "agent": -60.0})
    wait_for_ink(page, "#level", LEFT, quiet * 1.5)
    assert page.locator("#level").evaluate(INK, RIGHT) < quiet * 1.3
