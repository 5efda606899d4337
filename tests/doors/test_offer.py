"""What is taken up of an offer, and the answer to the rest of it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.webrtc.candidates import read_candidates
from voiceagent.doors.webrtc.offer import MAX_AUDIO_SECTIONS, Offer

TRANSPORT = """a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=rtcp-mux
"""


def audio(mid, direction="sendrecv", formats="111 0", port=9):
    return f"""m=audio {port} UDP/TLS/RTP/SAVPF {formats}
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10
a=mid:{mid}
a={direction}
{TRANSPORT}"""


def video(mid, codec="AV1/90000"):
    return f"m=video 9 UDP/TLS/RTP/SAVPF 45 46\na=rtpmap:45 {codec}\na=rtpmap:46 rtx/90000\na=mid:{mid}\n{TRANSPORT}"


def data(mid):
    return f"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\na=mid:{mid}\n{TRANSPORT}"


def offer(*sections, bundle=None):
    mids = [line[6:] for section in sections for line in section.splitlines() if line.startswith("a=mid:")]
    group = f"a=group:BUNDLE {' '.join(bundle or mids)}\n" if bundle != () else ""
    return Offer(f"v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n{group}" + "".join(sections))


def answer_to(reduced):
    """What aiortc answers, as far as it matters here."""
    lines = [line.replace("a=ice-ufrag:abcd", "a=ice-ufrag:ours") for line in reduced.splitlines()]
    return "\r\n".join(line.replace("a=setup:actpass", "a=setup:active") for line in lines) + "\r\n"


def sections_of(sdp):
    return [part.splitlines() for part in sdp.replace("\r\n", "\n").split("\nm=")[1:]]


def test_cameras_and_screens_are_answered_and_nobody_else_sees_them():
    taken = offer(audio("0"), video("1"), video("2", "H265/90000"), data("3"))
    reduced = taken.reduced({})
    assert "m=video" not in reduced
    assert "a=group:BUNDLE 0 3" in reduced
    whole = taken.answered(answer_to(reduced))
    assert "a=group:BUNDLE 0 1 2 3\r\n" in whole
    shape = [(lines[0].split()[0], lines[0].split()[1], "a=inactive" in lines) for lines in sections_of(whole)]
    assert shape == [("audio", "9", False), ("video", "9", True), ("video", "9", True), ("application", "9", False)]
    for lines in sections_of(whole)[1:3]:
        assert lines[0].endswith(" 45")
        assert {"a=ice-ufrag:ours", "a=setup:active", "a=fingerprint:sha-256 AA:BB", "a=rtcp-mux"} <= set(lines)
        assert any(line.startswith("a=rtpmap:45") for line in lines)


def test_what_the_caller_stopped_or_nobody_knows_is_rejected():
    text = "m=text 9 UDP/TLS/RTP/SAVPF 98\na=mid:t\n"
    whole = offer(audio("0"), audio("1", port=0), text, data("d"), data("e"))
    answered = sections_of(whole.answered(answer_to(whole.reduced({}))))
    assert [lines[0].split()[1] for lines in answered] == ["9", "0", "0", "9", "0"]


def test_a_caller_may_send_in_one_section_and_hear_in_another():
    taken = offer(
        audio("hear", "recvonly"), audio("idle", "inactive"), audio("hear too", "recvonly"), audio("s", "sendonly")
    )
    assert [section.mid for section in taken.taken] == ["hear", "s"]


def test_no_caller_gets_more_threads_than_a_few():
    assert len(offer(*(audio(str(number)) for number in range(50))).taken) == MAX_AUDIO_SECTIONS


def test_without_a_bundle_only_the_audio_has_a_transport():
    taken = offer(audio("0"), data("1"), bundle=())
    answered = taken.answered(answer_to(taken.reduced({})))
    assert "BUNDLE" not in answered
    assert [lines[0].split()[1] for lines in sections_of(answered)] == ["9", "0"]


def test_the_transport_is_that_of_the_first_of_the_bundle():
    other = video("v").replace("abcd", "camera") + "a=candidate:1 1 udp 1 192.0.2.7 1000 typ host\n"
    taken = offer(other, audio("a"), bundle=["v", "a"])
    assert (taken.ufrag, taken.candidates) == ("camera", ["1 1 udp 1 192.0.2.7 1000 typ host"])
    assert "a=ice-ufrag:camera" in taken.reduced({})
    assert "candidate" not in taken.reduced({})
    assert taken.is_of_transport("v", None)
    assert taken.is_of_transport(None, 0)
    assert not taken.is_of_transport("a", 1)


def test_known_codecs_are_kept_in_the_callers_order_however_they_are_numbered():
    maps = "a=rtpmap:96 PCMA/8000\na=rtpmap:97 telephone-event/8000\na=rtpmap:13 CN/8000\n"
    taken = offer(audio("0", formats="8 13 96 97 111 9") + maps)
    assert list(taken.taken[0].codecs.values()) == ["PCMA/8000", "PCMA/8000", "opus/48000/2", "G722/8000"]
    (lines,) = sections_of(taken.reduced({}))
    assert lines[0].endswith("8 96 111 9")


def test_an_offer_without_a_known_codec_is_refused_with_those_that_are():
    with pytest.raises(BadRequestError, match=r"Opus, G\.722, PCMU or PCMA") as refused:
        offer(audio("0", formats="98").replace("opus/48000/2", "opus/16000")).require_audio()
    assert refused.value.code == "no_codec"


@pytest.mark.parametrize(
    ("sections", "bundle", "words"),
    [
        ([data("0")], None, "has no audio"),
        ([audio("a", port=0), data("1")], ["1"], "is stopped"),
        ([data("1"), audio("a")], ["1"], "not in its BUNDLE group"),
    ],
)
def test_a_first_offer_needs_audio_and_a_later_one_need_not_have_it(sections, bundle, words):
    given = offer(*sections, bundle=bundle)
    assert "m=audio 9" in given.reduced({"a": {"111": "opus/48000/2"}})
    with pytest.raises(BadRequestError, match=words):
        given.require_audio()


def test_sections_keep_their_place_in_later_offers():
    first = offer(audio("0", "recvonly"), data("1"))
    later = offer(audio("0", "recvonly"), data("1"), video("2"), audio("3", "sendonly"))
    known = {section.mid: section.codecs for section in first.taken}
    assert "a=group:BUNDLE 0 1 3" in later.reduced(known)
    assert "a=group:BUNDLE 1 0 3" in later.reduced(dict(reversed(known.items())))


def test_a_section_that_was_stopped_or_used_again_keeps_its_place_and_is_silent():
    known = {"0": {"111": "opus/48000/2"}, "1": {}}
    for later in (
        offer("m=audio 0 UDP/TLS/RTP/SAVPF 0\na=mid:0\n", data("1"), audio("2"), bundle=["1", "2"]),
        offer(audio("2"), data("1")),
    ):
        stopped, channel, fresh = sections_of(later.reduced(known))
        assert {"a=mid:0", "a=inactive", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"} <= set(stopped)
        assert "a=mid:1" in channel
        assert {"a=mid:2", "a=sendrecv"} <= set(fresh)
        assert all("a=ice-ufrag:abcd" in lines for lines in (stopped, channel, fresh))
        assert later.answered(answer_to(later.reduced(known))).count("a=mid:2") == 1


def test_a_later_offer_keeps_the_codecs_of_the_call():
    known = {"0": offer(audio("0", formats="111")).taken[0].codecs}
    (lines,) = sections_of(offer(audio("0", formats="0 111")).reduced(known))
    assert lines[0].endswith("SAVPF 111"), "what came later could not be heard"
    with pytest.raises(BadRequestError, match="drops the codec of the call, opus/48000/2") as refused:
        offer(audio("0", formats="0 8")).reduced(known)
    assert refused.value.code == "no_codec"


LINE = "842163049 1 udp 1677729535 192.0.2.9 46154 typ srflx raddr 10.0.0.17 rport 46154 generation 0"


@pytest.mark.parametrize(
    "item",
    [
        {"candidate": f"candidate:{LINE}", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"},
        {"candidate": f"candidate:{LINE}", "sdp_mid": "0", "sdp_mline_index": 0, "username_fragment": "abcd"},
        {"candidate": f"a=candidate:{LINE}", "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"},
        {"candidate": LINE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd"},
    ],
)
def test_candidates_are_read_as_browsers_and_others_write_them(item):
    (trickled,) = read_candidates([item])
    assert (trickled.candidate.host, trickled.candidate.port, trickled.candidate.type) == ("192.0.2.9", 46154, "srflx")
    assert (trickled.mid, trickled.index, trickled.ufrag) == ("0", 0, "abcd")


@pytest.mark.parametrize("last", [None, "", "candidate:"])
def test_the_end_of_candidates_is_no_candidate(last):
    (trickled,) = read_candidates([{"candidate": last, "sdpMid": "0"}])
    assert trickled.candidate is None


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        ["x"],
        [{"candidate": 7}],
        [{"candidate": "candidate:1 1 udp"}],
        [{"candidate": LINE.replace("46154", "66666")}],
    ],
)
def test_what_is_no_candidate_is_refused(items):
    with pytest.raises(BadRequestError) as refused:
        list(read_candidates(items))
    assert refused.value.code == "bad_candidate"


def lines_of_media(lines):
    return sum(line.startswith("m=") for line in lines)


@given(st.lists(st.sampled_from([*audio("0").splitlines(), *video("1").splitlines(), *data("2").splitlines()])))
def test_no_order_of_lines_makes_anything_but_a_refusal(lines):
    with suppress(BadRequestError):
        taken = Offer("v=0\r\n" + "\r\n".join(lines))
        taken.require_audio()
        assert taken.answered(answer_to(taken.reduced({}))).count("m=") == lines_of_media(lines)
