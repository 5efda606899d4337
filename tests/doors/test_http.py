"""The HTTP side of the door, and what it says to those who knock wrongly."""

import asyncio
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import open_server

from voiceagent.doors.errors import BadRequestError, TooLargeError
from voiceagent.doors.webrtc.offer import Offer
from voiceagent.doors.webrtc.sdp import MAX_SDP_CHARS, ask_for_fec, check_offer

OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
"""


def ask(method, path, *sets, start=True, **request):
    async def main():
        async with open_server(*sets, start=start) as house:
            return await house.http.request(method, path, **request)

    return asyncio.run(main())


def test_the_page_and_its_files_are_served():
    assert "<html" in ask("GET", "/").text
    assert "javascript" in ask("GET", "/page/app.js").headers["content-type"]


def test_health_and_readiness_tell_apart_alive_and_warm():
    assert ask("GET", "/health").json() == {"status": "ok"}
    ready = ask("GET", "/ready")
    assert (ready.status_code, ready.json()["lost"]) == (200, [])
    loading = ask("GET", "/ready", start=False)
    assert loading.status_code == 503
    assert loading.json()["engines"]["asr"] is False


def test_the_lanes_show_no_step_before_anybody_has_called():
    answer = ask("GET", "/api/lanes")
    assert answer.json()["steps"] == []
    assert answer.json()["now"] > 0


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan", "long"])
def test_the_lanes_are_not_shown_for_a_time_that_makes_no_sense(seconds):
    answer = ask("GET", f"/api/lanes?seconds={seconds}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_seconds"


def test_a_caller_who_comes_before_the_engines_are_warm_is_told_to_come_back():
    answer = ask("POST", "/page/offer", start=False, json={"type": "offer", "sdp": OFFER})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_ready"
    assert int(answer.headers["retry-after"]) > 0


def test_metrics_are_prometheus_text_unless_switched_off():
    assert "voiceagent_sessions 0.0" in ask("GET", "/metrics").text
    assert ask("GET", "/metrics", "server.metrics=false").status_code == 404


def test_the_page_learns_what_it_talks_to():
    config = ask("GET", "/page/config", "server.ice_servers=[{urls: 'stun:stun.example.org'}]").json()
    assert config["ice_servers"] == [{"urls": ["stun:stun.example.org"]}]
    assert set(config["models"]) == {"asr", "llm", "tts"}


def test_other_origins_need_permission():
    headers = {"origin": "https://example.org"}
    assert "access-control-allow-origin" not in ask("GET", "/health", headers=headers).headers
    allowed = ask("GET", "/health", "server.allow_origins=['https://example.org']", headers=headers)
    assert allowed.headers["access-control-allow-origin"] == "https://example.org"


BAD_OFFERS = {
    "not JSON": (b"{", "bad_json"),
    "not UTF-8": (b"\xff\xfe{}", "bad_json"),
    "a list": (b"[]", "bad_json"),
    "deeply nested": (b"[" * 100_000, "bad_json"),
    "no sdp": (b"{}", "bad_sdp"),
    "half a character": (json.dumps({"type": "offer", "sdp": OFFER + "a=\ud800"}).encode(), "bad_json"),
    "half a character elsewhere": (b'{"type": "offer", "sdp": "v=0", "note": [{"x": "\\udfff"}]}', "bad_json"),
    "a number": (b'{"type": "offer", "sdp": 7}', "bad_sdp"),
    "an answer": (json.dumps({"type": "answer", "sdp": OFFER}).encode(), "bad_sdp"),
    "garbage": (json.dumps({"type": "offer", "sdp": "\x00\x01 nonsense"}).encode(), "bad_sdp"),
    "only a version": (json.dumps({"type": "offer", "sdp": "v=0"}).encode(), "bad_sdp"),
    "no transport": (json.dumps({"type": "offer", "sdp": OFFER}).encode(), "bad_sdp"),
    "broken lines": (
        json.dumps({"type": "offer", "sdp": OFFER + "a=fingerprint:\nm=\na=ssrc:x"}).encode(),
        "bad_sdp",
    ),
    "many media": (json.dumps({"type": "offer", "sdp": OFFER + "m=audio 9 X 0\n" * 500}).encode(), "bad_sdp"),
    "huge SDP": (json.dumps({"type": "offer", "sdp": OFFER + "a=x\n" * 40_000}).encode(), "too_large"),
    "huge body": (b"x" * 1_000_000, "too_large"),
}


def test_every_bad_offer_is_refused_with_words_and_leaves_no_session():
    async def main():
        async with open_server() as house:
            for name, (body, code) in BAD_OFFERS.items():
                answer = await house.http.post("/page/offer", content=body)
                assert answer.status_code in (400, 413), name
                assert answer.json()["error"]["code"] == code, name
                assert len(answer.json()["error"]["message"]) > 15, name
            assert await house.sessions() == []
            assert (await house.http.get("/ready")).status_code == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"pc_id": "nobody", "candidates": []}, 404, "unknown_session"),
        ({"candidates": []}, 404, "unknown_session"),
        ([], 400, "bad_json"),
    ],
)
def test_candidates_for_nobody_are_refused(body, status, code):
    answer = ask("PATCH", "/page/offer", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_an_unknown_address_says_where_the_page_is():
    answer = ask("GET", "/nowhere")
    assert answer.status_code == 404
    assert "The page is at /" in answer.json()["error"]["message"]


def test_an_unknown_address_of_a_server_without_a_page_names_its_doors():
    answer = ask("GET", "/", "doors=[engines]")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "GET /: Not Found. This server has no page (doors: engines)."


@given(st.text(max_size=400))
def test_no_text_makes_the_offer_check_raise_anything_else(text):
    for sdp in (text, OFFER + text):
        with suppress(BadRequestError, TooLargeError):
            offer = Offer(check_offer(sdp, "offer"))
            offer.require_audio()
            offer.reduced({})


def test_an_offer_may_be_as_large_as_a_browsers_and_not_much_larger():
    assert check_offer(OFFER + "a=" + "x" * 20_000, "offer")
    with pytest.raises(TooLargeError):
        check_offer(OFFER + "a=" + "x" * MAX_SDP_CHARS, "offer")


def test_the_answer_asks_for_forward_error_correction_once():
    asked = ask_for_fec(OFFER.replace("\n", "\r\n"))
    assert "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n" in asked
    assert ask_for_fec(asked) == asked
