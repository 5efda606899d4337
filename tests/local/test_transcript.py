"""What is shown of a conversation: in plain lines, and on the screen."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from voiceagent.audio.speech import WordHeard
from voiceagent.local.echo import EchoState
from voiceagent.local.plain import line_of
from voiceagent.local.screen import Screen
from voiceagent.local.status import Counts, Status
from voiceagent.local.transcript import Transcript
from voiceagent.session.effects import Floor, ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.reports import (
    EngineFailed,
    FloorChanged,
    NothingHeard,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    ToolUsed,
    TurnTraced,
    UserText,
    UserTextWithdrawn,
    UserTurnEnded,
)
from voiceagent.trace.turn import TurnTrace

STATUS = Status(
    input="Microphone", output="Loudspeaker", user_db=-30.0, echo=EchoState.READY, erle_db=31.2, delay_s=0.085
)


def a_turn(transcript, *, outcome=Outcome.COMPLETED, heard=4):
    """Return the entries that were complete, of a question and its answer."""
    trace = TurnTrace("s", 1, 1, marks={"speech_end": 1.0, "first_packet": 1.52})
    reports = [
        UserText(1, "what is", final=False),
        UserText(1, "What is it?", final=True),
        UserTurnEnded(1, "What is it?"),
        ResponseStarted(1, ResponseKind.REPLY),
        FloorChanged(Floor.AGENT),
        SegmentAnnounced(1, 0, ("It", "is")),
        SegmentAnnounced(1, 1, ("four", "o'clock.")),
        *(WordHeard(1, number // 2, number % 2) for number in range(heard)),
        ResponseEnded(1, outcome, heard, ""),
        TurnTraced(trace),
    ]
    return [entry for report in reports if (entry := transcript.take(report)) is not None]


def drawn(transcript, status=STATUS, *, width=80, height=14, **how):
    console = Console(width=width, height=height, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Screen("voiceagent", transcript, status, **how), end="")
    return console.export_text(clear=False, styles=False), console


def test_a_turn_is_two_lines_with_the_time_to_answer():
    transcript = Transcript()
    assert [line_of(entry) for entry in a_turn(transcript)] == [
        "you: What is it?",
        "agent (0.52 s): It is four o'clock.",
    ]


def test_words_that_were_cut_are_in_brackets_and_struck_through():
    transcript = Transcript()
    _, answer = a_turn(transcript, outcome=Outcome.INTERRUPTED, heard=2)
    assert line_of(answer) == "agent (0.52 s): It is [four o'clock.]"
    _, console = drawn(transcript)
    assert "\x1b[2;9mfour o'clock." in console.export_text(styles=True)


def test_a_cough_leaves_nothing_and_neither_does_an_answer_that_nobody_could_hear():
    transcript = Transcript()
    transcript.take(UserText(1, "Hm.", final=False))
    transcript.take(NothingHeard(1, failed=False))
    transcript.take(ResponseStarted(3, ResponseKind.REPLY))
    assert transcript.take(ResponseEnded(3, Outcome.CANCELLED, 0, "")) is None
    assert transcript.entries == []


def test_what_is_set_aside_stays_to_be_seen_and_the_next_words_of_that_turn_are_others():
    transcript = Transcript()
    transcript.take(UserText(2, "Sure.", final=True))
    assert line_of(transcript.take(UserTextWithdrawn(2, "Sure."))) == "you: Sure. (set aside)"
    transcript.take(UserText(2, "And", final=False))
    transcript.take(NothingHeard(2, failed=False))
    transcript.take(UserTurnEnded(2, "And then?"))
    assert [line_of(entry) for entry in transcript.entries] == ["you: Sure. (set aside)", "you: And then?"]
    assert "Sure. (set aside)" in drawn(transcript)[0]


def test_the_screen_has_as_many_lines_as_the_terminal_and_shows_the_newest():
    transcript = Transcript()
    for turn in range(9):
        transcript.take(UserTurnEnded(turn, f"Question {turn}, which is rather long " + "and " * 20 + "ends."))
    text, _ = drawn(transcript, width=60)
    lines = text.split("\n")
    assert len(lines) == 14
    assert "Question 8" in text
    assert "Question 2," not in text
    assert all(len(line) <= 60 for line in lines)
    assert "space mute · enter type" in lines[-1]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (STATUS, "echo cancelled (31 dB)"),
        (STATUS, "0 gaps · 85 ms"),
        (replace(STATUS, counts=Counts(1, 2, 3)), "6 gaps"),
        (replace(STATUS, muted=True), "space unmute"),
        (replace(STATUS, muted=True), "you    muted"),
        (replace(STATUS, echo=EchoState.LEARNING), "learning the room"),
        (replace(STATUS, trouble="The microphone is unplugged."), "The microphone is unplugged."),
    ],
)
def test_the_screen_shows_how_it_goes(status, shown):
    assert shown in drawn(Transcript(), status, width=110)[0]


def test_what_is_typed_takes_the_place_of_the_help():
    text, _ = drawn(Transcript(), typed="hello the")
    assert text.rstrip().endswith("> hello the▏")


def test_push_to_talk_has_its_own_help():
    assert "space talk, and again when done" in drawn(Transcript(), push_to_talk=True)[0]


def test_tools_and_failures_are_told_once():
    transcript = Transcript()
    transcript.take(ToolUsed(1, "weather", "c1", "{}", running=True))
    transcript.take(ToolUsed(1, "weather", "c1", "{}", running=False, result="sunny"))
    for _ in range(2):
        transcript.take(EngineFailed("tts", stuck=False, message="The voice failed."))
    assert [line_of(entry) for entry in transcript.entries] == ["(uses weather)", "(The voice failed.)"]
