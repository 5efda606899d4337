"""The page comes back to its call: after a reload, after a lost connection, and not after a hang-up."""

from __future__ import annotations

import pytest
from page_fixture import FakeServer
from page_script import spoken
from page_steps import connect, messages, said, state, user
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PAST = [{"role": "user", "text": "Why is the sky blue?"}, {"role": "assistant", "text": "Sunlight is scattered."}]


def heard_two_words(page: Page, server: FakeServer) -> None:
    server.send(user(1, "Before.", final=True), *messages(spoken(4, 0, "Cut in the middle", heard=2)))
    expect(page.locator(".word.heard")).to_have_count(2)


def test_a_page_that_is_loaded_again_goes_on_with_its_call_by_itself(page: Page, server: FakeServer) -> None:
    server.past = PAST
    heard_two_words(page, server)
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert server.offers[-1]["resume"] == {"token": "a-token", "generation": 4, "segment": 0, "word": 1}
    expect(page.locator("#entries > li")).to_have_count(3)
    question, answer, note = said(page)
    assert question == "YouWhy is the sky blue?"
    assert answer == "AmberSunlight is scattered."
    assert note.startswith("Connected again at")
    assert "new conversation" not in note


def test_leaving_the_page_says_that_its_user_may_come_back(page: Page, server: FakeServer) -> None:
    page.goto("about:blank")
    server.expect("away")


def test_a_lost_connection_goes_on_and_the_transcript_is_not_told_twice(page: Page, server: FakeServer) -> None:
    server.past = PAST
    heard_two_words(page, server)
    server.vanish()
    expect(page.locator("#entries > li").last).to_contain_text("Connected again at")
    assert server.offers[-1]["resume"] == {"token": "a-token", "generation": 4, "segment": 0, "word": 1}
    assert [entry.split("Not heard")[0] for entry in said(page)[:2]] == ["YouBefore.", "AmberCut in "]
    assert len(said(page)) == 3


def test_a_server_that_knows_nothing_any_more_is_told_so(page: Page, server: FakeServer) -> None:
    heard_two_words(page, server)
    server.vanish()
    expect(page.locator("#entries > li").last).to_contain_text("a new conversation")


def test_after_a_hang_up_the_next_call_is_another(page: Page, server: FakeServer) -> None:
    heard_two_words(page, server)
    page.get_by_role("button", name="Hang up").click()
    server.expect("hangup")
    connect(page)
    assert "resume" not in server.offers[-1]
    page.get_by_role("button", name="Hang up").click()
    page.reload()
    expect(page.get_by_role("button", name="Connect")).to_be_visible()
    assert state(page) == "idle"
    assert len(server.offers) == 2


def test_a_call_that_goes_on_elsewhere_is_not_taken_back(page: Page, server: FakeServer) -> None:
    server.send({"type": "bye", "reason": "moved"})
    expect(page.locator("#notice-title")).to_have_text("The call goes on in another window")
    assert state(page) == "idle"
    connect(page)
    assert "resume" not in server.offers[-1]


def test_a_page_that_comes_back_too_late_begins_idle(page: Page, server: FakeServer) -> None:
    heard_two_words(page, server)
    page.goto(server.url + "page/config")
    page.evaluate("""() => {
        const kept = JSON.parse(sessionStorage.getItem("voiceagent-resume"));
        sessionStorage.setItem("voiceagent-resume", JSON.stringify({ ...kept, until: Date.now() - 1 }));
    }""")
    page.goto(server.url)
    expect(page.locator("#models")).to_contain_text("Hears with")
    assert state(page) == "idle"
    assert len(server.offers) == 1
