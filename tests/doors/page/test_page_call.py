"""Connecting, being refused, losing the connection and coming back, in a real Chromium."""

from __future__ import annotations

import pytest
from page_fixture import FakeServer
from page_script import spoken
from page_steps import Visit, connect, messages, said, state, user
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_the_offer_leaves_at_once_and_its_candidates_follow(page: Page, server: FakeServer) -> None:
    (offer,) = server.offers
    assert offer["type"] == "offer"
    assert offer["pc_id"] is None
    assert "a=sendrecv" in offer["sdp"]
    assert "a=candidate" not in offer["sdp"]
    candidate = server.candidates.get(timeout=10)
    assert candidate["candidate"].startswith("candidate:")
    assert candidate["sdp_mid"] == "0"
    assert candidate["sdp_mline_index"] == 0


def test_everything_comes_from_the_server_itself(visit: Visit, server: FakeServer) -> None:
    page = visit()
    connect(page)
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(loaded) > 10
    assert all(url.startswith(server.url) for url in loaded)


def test_hanging_up_tells_the_server_and_lets_go_of_the_microphone(visit: Visit, server: FakeServer) -> None:
    keep_tracks = """const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (wish) => (globalThis.taken = await open(wish));"""
    page = connect(visit(before=keep_tracks))
    page.get_by_role("button", name="Hang up").click()
    server.expect("hangup")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    assert page.evaluate("taken.getAudioTracks()[0].readyState") == "ended"
    expect(page.get_by_role("button", name="Send")).to_be_disabled()


def test_names_of_agent_and_models_are_shown_before_connecting(visit: Visit) -> None:
    page = visit()
    expect(page).to_have_title("Amber")
    expect(page.locator("#models")).to_contain_text("Hears with Moonshine tiny, thinks with SmolLM2 135M")


def test_a_lost_connection_is_told_and_mended_and_the_conversation_stays(page: Page, server: FakeServer) -> None:
    server.send(user(1, "Before.", final=True), *messages(spoken(1, 0, "Cut in the middle", heard=2)))
    expect(page.locator(".word.heard")).to_have_count(2)
    server.vanish()
    expect(page.locator("#notice-title")).to_have_text("The connection was lost")
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    expect(page.locator("#notice")).to_be_hidden()
    server.send(user(1, "After.", final=True))
    expect(page.locator("#entries > li").last).to_contain_text("After.")
    before, answer, note, after = said(page)
    assert before == "YouBefore."
    assert answer == "AmberCut in Not heard: the middle broke off"
    assert note.startswith("Connected again at")
    assert after == "YouAfter."
    assert len(server.offers) == 2


def test_a_closed_channel_is_noticed_without_waiting_for_a_ping(visit: Visit, server: FakeServer) -> None:
    page = visit()
    page.clock.install(time=0)
    connect(page)
    page.clock.pause_at(100_000)
    server.close_channel()
    expect(page.locator("#notice-title")).to_have_text("The connection was lost")


def test_a_server_that_no_longer_answers_pings_is_lost(visit: Visit, server: FakeServer) -> None:
    page = visit()
    page.clock.install()
    page.reload()
    connect(page)
    page.clock.run_for(5000)
    assert state(page) == "connected"
    server.answers_pings = False
    page.clock.run_for(3000)
    assert server.restarts.get(timeout=20)["pc_id"] == "pc-1", "another way to the server is looked for first"
    page.clock.run_for(5000)
    expect(page.locator("#notice-title")).to_have_text("The connection was lost")


@pytest.mark.parametrize(("reason", "title"), [("hangup", None), ("idle for 10 minutes", "The server ended the call")])
def test_after_a_goodbye_the_page_does_not_come_back(
    page: Page, server: FakeServer, reason: str, title: str | None
) -> None:
    server.send({"type": "bye", "reason": reason})
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    if title is None:
        expect(page.locator("#notice")).to_be_hidden()
    else:
        expect(page.locator("#notice-title")).to_have_text(title)
        expect(page.locator("#notice-advice")).to_contain_text(reason)


def test_after_a_restart_of_the_server_the_page_comes_back(page: Page, server: FakeServer) -> None:
    server.send({"type": "bye", "reason": "restart"})
    expect(page.locator("#notice-title")).to_have_text("The server is restarting")
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    assert len(server.offers) == 2


# -- refusals


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("server_full", "All places are taken"),
        ("server_busy", "The server is busy"),
        ("not_ready", "The models are still loading"),
        ("out_of_order", "The agent is not working"),
    ],
)
def test_a_full_or_starting_server_is_waited_for(visit: Visit, server: FakeServer, code: str, title: str) -> None:
    server.refusal = (503, code, "Come back in a moment.", 30)
    page = visit()
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#notice-title")).to_have_text(title)
    expect(page.locator("#notice-advice")).to_have_text("Come back in a moment.")
    expect(page.locator("#floor")).to_have_text("Trying again in 30 s")
    expect(page.locator("#urgent")).to_contain_text(title)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    server.refusal = None
    page.get_by_role("button", name="Try now").click()
    expect(page.locator("body")).to_have_attribute("data-state", "connected")
    expect(page.locator("#notice")).to_be_hidden()


def test_waiting_can_be_cancelled(visit: Visit, server: FakeServer) -> None:
    server.refusal = (503, "server_full", "Full.", 1)
    page = visit()
    page.clock.install()
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("body")).to_have_attribute("data-state", "waiting")
    page.get_by_role("button", name="Cancel").click()
    server.refusal = None
    page.clock.run_for(60_000)
    assert state(page) == "idle"
    assert server.offers == []


def test_a_refusal_for_good_is_not_repeated(visit: Visit, server: FakeServer) -> None:
    server.refusal = (400, "bad_sdp", "The offer carries no audio.", None)
    page = visit()
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#notice-advice")).to_have_text("The offer carries no audio.")
    assert state(page) == "idle"
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()


def test_a_server_that_stays_away_is_given_up(visit: Visit) -> None:
    page = visit()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    tries: list[str] = []
    page.on("request", lambda request: tries.append(request.url) if request.method == "POST" else None)
    page.route("**/page/offer", lambda route: route.abort())
    page.get_by_role("button", name="Connect").click()
    for _ in range(11):
        expect(page.locator("#notice-title")).to_have_text("The server does not answer")
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("body")).not_to_have_attribute("data-state", "connecting")
    expect(page.locator("#notice-title")).to_have_text("The server could not be reached")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    assert len(tries) == 12


def test_a_server_that_stays_busy_says_so_to_the_end(visit: Visit, server: FakeServer) -> None:
    server.refusal = (503, "server_busy", "The server cannot answer more than 2 in time.", 10)
    page = visit()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.get_by_role("button", name="Connect").click()
    for _ in range(11):
        expect(page.locator("body")).to_have_attribute("data-state", "waiting")
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("body")).not_to_have_attribute("data-state", "connecting")
    expect(page.locator("body")).to_have_attribute("data-state", "idle")
    expect(page.locator("#notice-title")).to_have_text("The server is busy")
    expect(page.locator("#notice-advice")).to_have_text("The server cannot answer more than 2 in time.")


def test_a_browser_without_webrtc_is_told_so(visit: Visit) -> None:
    page = visit(before="delete globalThis.RTCPeerConnection")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#notice-title")).to_have_text("This browser cannot make calls")
    assert state(page) == "idle"
