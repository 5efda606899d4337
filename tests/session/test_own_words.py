"""Telling the agent's words from another's, and an echo from another sound."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.session.echo import UNLEARN_S, Echo
from voiceagent.session.own_words import compare

SAID = "Shall I book the table for you now?"
FRAME_S = 0.02


@pytest.mark.parametrize(
    ("heard", "others"),
    [
        ("Shall I book the table", ""),
        ("shall eye book the tables for", "eye"),
        ("Shalli book the table for you no", "no"),
        ("Shall I book the wait stop table", "wait stop"),
        ("the table for you now now", "now"),
        ("no thank you", "no thank"),
        ("know", "know"),
        ("", ""),
    ],
)
def test_what_is_left_are_the_words_that_the_agent_did_not_say(heard, others):
    assert compare(heard, SAID, "en").others == others


@pytest.mark.parametrize(
    ("language", "said", "heard", "others"),
    [
        ("de", "Soll ich den Tisch für 20 Uhr reservieren?", "soll ich den Tisch für zwanzig nein halt", "nein halt"),
        ("es", "¿Reservo la mesa para las ocho?", "reservo la mesa espere un momento", "espere un momento"),
        ("fr", "Je réserve la table pour vingt heures ?", "je réserve la table non attendez", "non attendez"),
    ],
)
def test_it_is_so_in_every_language(language, said, heard, others):
    assert compare(heard, said, language).others == others


@given(st.text(), st.text())
def test_any_texts_can_be_compared(heard, said):
    found = compare(heard, said, "en")
    assert 0 <= found.share <= 1
    assert found.longest_other <= len(found.words)


def test_a_long_transcript_takes_no_time_that_a_caller_would_notice():
    began = time.process_time()
    compare("and then we went to the sea and looked at the fish " * 100, "we looked at the deep blue sea " * 8, "en")
    assert time.process_time() - began < 0.2


class Room:
    """An agent's sound and what a microphone makes of it, frame by frame."""

    def __init__(self):
        self.echo, self.now = Echo(), 0.0

    def passes(self, seconds, far=0.0, near=0.0):
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            self.echo.play(np.full(320, far, np.float32), self.now)
            self.echo.hear(np.full(320, near, np.float32), self.now)
            if near:
                self.echo.notice()

    def learns(self):
        self.passes(0.1, far=0.1)
        begin = self.now
        self.passes(1.0, far=0.1, near=0.02)
        self.passes(0.1, near=0.02)
        self.echo.learn(begin, self.now)
        self.passes(1.0)
        return self


def test_a_line_is_known_by_its_level():
    room = Room().learns()
    room.passes(0.5, far=0.1, near=0.03)
    assert room.echo.explains(room.now - 0.1, room.now)
    room.passes(0.1, far=0.1, near=0.05)
    assert not room.echo.explains(room.now - 0.1, room.now)


def test_a_sound_while_the_agent_is_silent_is_no_echo():
    room = Room().learns()
    room.passes(1.0)
    begin = room.now
    room.passes(0.3, near=0.02)
    assert not room.echo.begins_with(begin)
    assert not room.echo.may_hold(begin, room.now)


def test_a_line_that_gives_nothing_back_any_more_is_forgotten():
    room = Room().learns()
    for _ in range(round(UNLEARN_S)):
        assert room.echo.known
        room.passes(1.1, far=0.1)
        room.passes(0.3)
    assert not room.echo.known


def test_two_sounds_that_begin_and_end_with_the_agent_s_coincide_and_one_that_is_later_does_not():
    room, coincided = Room(), []
    for lag_s in (0.1, 0.1, 0.4):
        room.passes(lag_s, far=0.1)
        begin = room.now
        room.passes(0.2, far=0.1, near=0.02)
        coincided.append(room.echo.coincided(begin, room.now))
        room.passes(1.0)
    assert coincided == [1, 2, 1]
