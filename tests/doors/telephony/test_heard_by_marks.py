"""How much of a response was played, as marks tell it."""

import pytest

from voiceagent.doors.telephony.heard import MOST_UNDER_WAY, Heard


def send(heard, frames, at=0.0):
    """Send frames at once; return the marks, with the ms of audio before each."""
    marks = {}
    for frame in range(1, frames + 1):
        if (name := heard.sent(at)) is not None:
            marks[name] = frame * 20
    return marks


def response(generation=1):
    heard = Heard()
    heard.begin(generation)
    return heard


def test_a_mark_follows_the_first_frame_and_then_every_tenth_of_a_second():
    assert list(send(response(), 16).values()) == [20, 120, 220, 320]


def test_a_client_that_returns_no_marks_is_taken_to_play_at_once():
    heard = response()
    send(heard, 15)
    assert heard.ms(0.2) is None


def test_of_a_client_that_lags_only_what_it_confirmed_and_the_time_since_counts():
    heard = response()
    first, second, *_ = send(heard, 15)
    assert heard.ms(0.1) is None
    heard.returned(first, 0.5)
    assert heard.ms(0.5) == pytest.approx(20)
    heard.returned(second, 0.6)
    assert heard.ms(0.65) == pytest.approx(170)
    assert heard.ms(9.0) == pytest.approx(300), "no more than was sent"


def test_nothing_counts_before_the_first_mark_of_a_response_is_back():
    heard = response()
    (first, *_) = send(heard, 15)
    heard.returned(first, 0.1)
    heard.begin(2)
    send(heard, 15, at=5.0)
    assert heard.ms(5.2) == 0.0


def test_marks_of_cleared_audio_confirm_nothing():
    heard = response()
    first, second, third = send(heard, 15)
    heard.returned(first, 0.1)
    heard.cleared(0.15)
    for name in (second, third):
        heard.returned(name, 0.2)
    assert heard.ms(0.9) == pytest.approx(70)


def test_after_a_pause_it_goes_on_from_where_the_server_cut():
    heard = response()
    first, *_ = send(heard, 15)
    heard.returned(first, 0.1)
    heard.cleared(0.16)  # played by the clock: 160 ms, confirmed: 80 ms
    assert heard.ms(5.0) == pytest.approx(80)
    marks = send(heard, 10, at=5.0)
    assert heard.ms(5.1) == pytest.approx(260)
    heard.returned(list(marks)[-1], 5.4)
    assert heard.ms(5.4) == pytest.approx(280)


def test_a_mark_of_an_earlier_response_or_an_invented_one_says_nothing():
    heard = response()
    old = list(send(heard, 15))
    heard.begin(2)
    (new, *_) = send(heard, 1, at=1.0)
    heard.returned(new, 1.1)
    before = heard.ms(1.1)
    for name in (*old, "nonsense"):
        heard.returned(name, 1.1)
    assert heard.ms(1.1) == before


def test_what_is_remembered_is_bounded():
    heard = response()
    names = list(send(heard, 5 * MOST_UNDER_WAY + 50))
    heard.returned(names[0], 1.0)
    assert heard.ms(1.0) is None, "forgotten"
    heard.returned(names[-1], 1.0)
    assert heard.ms(1.0) is not None
