"""The scripted judges: speech is what is loud, and a turn is over when the script says so."""

import numpy as np
import pytest

from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.contract import FRAME_S
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.testing.engine_contract.driving import Heard, drive
from voiceagent.testing.sound import silence, voice


def at_once(seconds: float) -> None:
    """Steps take no time."""


def test_a_loud_frame_is_speech_and_a_quiet_one_is_not() -> None:
    engine, heard = ScriptedVad(sleep=at_once), Heard()
    engine.open(heard.events.append).push(np.concatenate((silence(0.064), voice(0.064), silence(0.032))), 5.0)
    drive(engine)
    assert [frame.probability for frame in heard.events] == [0.01, 0.01, 0.99, 0.99, 0.01]


def test_what_counts_as_loud_can_be_chosen() -> None:
    engine, heard = ScriptedVad(threshold=0.9, sleep=at_once), Heard()
    engine.open(heard.events.append).push(voice(0.032), 5.0)
    drive(engine)
    assert [frame.probability for frame in heard.events] == [0.01]


def test_broken_audio_is_not_speech() -> None:
    engine, heard = ScriptedVad(sleep=at_once), Heard()
    engine.open(heard.events.append).push(np.full(512, np.nan, np.float32), 5.0)
    drive(engine)
    assert [frame.probability for frame in heard.events] == [0.01]


def test_a_frame_is_late_when_the_next_one_is_there() -> None:
    engine = ScriptedVad(sleep=at_once)
    engine.open(Heard().events.append).push(voice(0.04), 5.0)
    batch = engine.pending(5.0)
    assert batch is not None
    assert batch.deadline == 5.0 + FRAME_S


def test_probabilities_come_in_turn_and_begin_again() -> None:
    engine, heard = ScriptedTurn((0.2, 0.9), sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    for fork in range(3):
        stream.predict(fork, voice(1.0), 5.0)
        drive(engine)
    assert [event.probability for event in heard.events] == [0.2, 0.9, 0.2]


def test_each_session_begins_the_script_anew() -> None:
    engine, first, second = ScriptedTurn((0.2, 0.9), sleep=at_once), Heard(), Heard()
    for heard in (first, second):
        engine.open(heard.events.append).predict(1, voice(1.0), 5.0)
    drive(engine)
    assert first.events[0].probability == second.events[0].probability == 0.2


def test_a_function_may_judge_and_may_fail() -> None:
    def judge(question: int) -> float:
        if question == 1:
            raise ValueError("no idea")
        return 0.1 * question

    engine, heard = ScriptedTurn(judge, sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    for fork in range(3):
        stream.predict(fork, voice(1.0), 5.0)
        drive(engine)
    assert heard.events[0].probability == 0.0
    assert isinstance(heard.events[1], StreamFailed)
    assert heard.events[1].tag == 1
    assert heard.events[2].probability == pytest.approx(0.2)
