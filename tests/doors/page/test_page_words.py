"""The conversation as the page writes it down, in a real Chromium."""

from __future__ import annotations

import pytest
from page_fixture import FakeServer
from page_script import ended, spoken
from page_steps import messages, said, state, user
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_final_text_replaces_the_partials_of_its_turn(page: Page, server: FakeServer) -> None:
    server.send(user(1, "why is", final=False), user(1, "why is the sky", final=False))
    expect(page.locator(".entry-user.partial .said")).to_have_text("why is the sky")
    server.send(user(1, "Why is the sky blue?", final=True))
    expect(page.locator(".entry-user:not(.partial) .said")).to_have_text("Why is the sky blue?")
    server.send(user(1, "Why is the sky blue? At noon?", final=True), user(2, "And", final=False))
    expect(page.locator(".entry-user.partial .said")).to_have_text("And")
    assert said(page) == ["YouWhy is the sky blue? At noon?", "YouAnd"]


def test_words_light_up_as_they_are_heard(page: Page, server: FakeServer) -> None:
    server.send(*messages(spoken(1, 0, "Hello there.", heard=0)), *messages(spoken(1, 1, "How are you?", heard=2)))
    expect(page.locator(".word.now")).to_have_text("are")
    assert page.locator(".word.heard").all_text_contents() == ["Hello", "there.", "How", "are"]
    server.send(ended(1, "completed", 5))
    expect(page.locator(".word.heard")).to_have_count(5)
    expect(page.locator(".word.now")).to_have_count(0)
    expect(page.locator("del")).to_have_count(0)


def test_what_an_interruption_cut_is_struck_through(page: Page, server: FakeServer) -> None:
    server.send(*messages(spoken(3, 0, "One two three four five", heard=4)), {"type": "agent.paused", "generation": 3})
    expect(page.locator(".tag")).to_have_text("waits for you")
    server.send({"type": "agent.resumed", "generation": 3})
    expect(page.locator(".tag")).to_have_count(0)
    server.send({"type": "agent.paused", "generation": 3}, ended(3, "interrupted", 3))
    expect(page.locator(".tag")).to_have_text("interrupted")
    assert page.locator(".word.heard").all_text_contents() == ["One", "two", "three"]
    assert page.locator("del .word").all_text_contents() == ["four", "five"]
    assert "line-through" in page.locator("del").evaluate("(cut) => getComputedStyle(cut).textDecorationLine")


def test_nothing_of_an_older_generation_is_shown(page: Page, server: FakeServer) -> None:
    server.send(*messages(spoken(5, 0, "Old words here", heard=1)), *messages(spoken(6, 0, "New words", heard=1)))
    server.send(*messages(spoken(5, 1, "Too late")), {"type": "agent.word", "generation": 5, "segment": 0, "word": 2})
    server.send(*messages(spoken(7, 0, "Never heard", heard=0)), ended(7, "cancelled", 0))
    server.send(user(2, "Last.", final=True))
    expect(page.locator(".entry-user")).to_have_count(1)
    old, new, last = said(page)
    assert old == "AmberOld Not heard: words here interrupted"
    assert new == "AmberNew Not heard: words interrupted"
    assert last == "YouLast."


def test_a_typed_message_is_sent_and_shown_once(page: Page, server: FakeServer) -> None:
    page.get_by_label("Message to the agent").fill("  What time is it? ")
    page.keyboard.press("Enter")
    assert server.expect("text")["text"] == "What time is it?"
    expect(page.locator(".entry-user.pending .said")).to_have_text("What time is it?")
    expect(page.get_by_label("Message to the agent")).to_have_value("")
    server.send(user(1, "What time is it?", final=True))
    expect(page.locator(".entry-user.pending")).to_have_count(0)
    assert said(page) == ["YouWhat time is it?"]


def test_the_page_follows_the_newest_words_unless_one_reads_further_up(page: Page, server: FakeServer) -> None:
    at_end = "(log) => log.scrollHeight - log.scrollTop - log.clientHeight < 5"
    server.send(*(user(turn, f"Line {turn}", final=True) for turn in range(400)))
    expect(page.locator("#entries > li").last).to_contain_text("Line 399")
    assert page.locator("#entries > li").count() == 300
    assert page.locator("#transcript").evaluate(at_end)
    page.locator("#transcript").evaluate("(log) => log.scrollTo(0, 100)")
    server.send(user(400, "Line 400", final=True))
    expect(page.get_by_role("button", name="Go to the newest words")).to_be_visible()
    assert not page.locator("#transcript").evaluate(at_end)
    page.get_by_role("button", name="Go to the newest words").click()
    assert page.locator("#transcript").evaluate(at_end)
    expect(page.locator("#latest")).to_be_hidden()


def test_words_are_text_and_never_markup(page: Page, server: FakeServer) -> None:
    server.send(user(1, "<img src=x onerror=alert(1)>", final=True), *messages(spoken(1, 0, "<b>bold</b>")))
    expect(page.locator(".word")).to_have_text("<b>bold</b>")
    assert page.locator("#entries img, #entries b").count() == 0


def test_an_error_within_the_session_leaves_the_call_alone(page: Page, server: FakeServer) -> None:
    server.send({"type": "error", "code": "tts_failed", "message": "The voice failed; it is being started again."})
    expect(page.locator("#notice-advice")).to_have_text("The voice failed; it is being started again.")
    server.send({"type": "from.a.newer.server"}, user(1, "Go on.", final=True))
    expect(page.locator("#entries")).to_contain_text("Go on.")
    page.get_by_role("button", name="Close this message").click()
    expect(page.locator("#notice")).to_be_hidden()
    assert state(page) == "connected"
