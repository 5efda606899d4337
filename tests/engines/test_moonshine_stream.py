"""The stream around the model, with a model that writes down what audio it was given."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.contract import AsrEvent, Transcript
from voiceagent.engines.asr.moonshine import engine as moonshine
from voiceagent.engines.asr.moonshine.engine import MoonshineEngine, MoonshineStream
from voiceagent.engines.contract import Batch, Need
from voiceagent.engines.drive import drive

RATE = 16_000
NOW = 100.0
MOST_WORDS = 100


SURE = math.exp(-0.1)
"""What the scribe says of its transcripts."""


def final(text: str, fork: int) -> Transcript:
    return Transcript(text, fork, confidence=SURE)


def word(number: int, seconds: float = 0.5) -> Pcm:
    """Audio that the scribe hears as this number."""
    return np.full(int(seconds * RATE), number / 1000, np.float32)


def hush(seconds: float = 0.5) -> Pcm:
    return word(0, seconds)


class Scribe:
    """A model that hears a number for every stretch of equal samples, and takes a step for each."""

    heard: list[tuple[float, list[int]]]
    """Seconds of audio and draft of each transcription."""

    def __init__(self, *_: object) -> None:
        self.heard = []

    def encode(self, pcm: Pcm, draft: Sequence[int]) -> "Writing":
        if np.abs(pcm).max(initial=0) == 1:
            raise RuntimeError("too loud")
        self.heard.append((len(pcm) / RATE, list(draft)))
        numbers = np.rint(pcm * 1000).astype(int)
        return Writing([n for n in numbers[np.flatnonzero(np.diff(numbers, prepend=0))].tolist() if n][:MOST_WORDS])

    def text(self, tokens: Sequence[int]) -> str:
        return " ".join(map(str, tokens))


class Writing:
    def __init__(self, tokens: list[int]) -> None:
        self._left = tokens
        self.tokens: list[int] = []
        self.log_probability = -0.1 * (len(tokens) + 1)

    def step(self) -> bool:
        self.tokens += self._left[:1]
        self._left = self._left[1:]
        return not self._left


Build = Callable[..., tuple[MoonshineEngine, Scribe]]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setattr(moonshine, "Moonshine", Scribe)

    def built(partial_interval_s: float | None = 0.4) -> tuple[MoonshineEngine, Scribe]:
        nowhere: Any = None
        engine = MoonshineEngine(nowhere, nowhere, nowhere, partial_interval_s=partial_interval_s)
        engine.load()
        scribe: Any = engine._model
        scribe.heard.clear()
        return engine, scribe

    return built


def opened(engine: MoonshineEngine) -> tuple[MoonshineStream, list[AsrEvent]]:
    events: list[AsrEvent] = []
    return engine.open(events.append), events


def step(engine: MoonshineEngine) -> Batch:
    batch = engine.pending(NOW)
    assert batch is not None
    engine.deliver(batch, engine.run(batch))
    return batch


def test_a_final_holds_the_turn_from_shortly_before_its_speech(build: Build) -> None:
    engine, _ = build(None)
    stream, events = opened(engine)
    for audio in (word(9), hush(), word(1, 0.1)):
        stream.push(audio)
    stream.begin_speech()
    stream.push(word(2))
    stream.finalise(1, NOW)
    drive(engine)
    assert events == [final("1 2", 1)]


def test_partials_follow_speech_at_their_interval(build: Build) -> None:
    engine, _ = build(0.4)
    stream, events = opened(engine)
    stream.push(hush())
    assert engine.pending(NOW) is None
    stream.begin_speech()
    stream.push(word(1, 0.3))
    assert engine.pending(NOW) is None
    stream.push(word(2, 0.2))
    batch = engine.pending(NOW)
    assert batch is not None
    assert batch.need is Need.SPECULATIVE
    assert NOW < batch.deadline < NOW + 1
    drive(engine)
    stream.push(word(3, 0.4))
    drive(engine)
    assert events == [Transcript("1 2", None), Transcript("1 2 3", None)]


def test_there_are_no_partials_after_a_final_until_speech_begins_again(build: Build) -> None:
    engine, _ = build(0.4)
    stream, events = opened(engine)
    stream.begin_speech()
    stream.push(word(1, 0.3))
    stream.finalise(1, NOW)
    drive(engine)
    stream.push(hush(1.0))
    assert engine.pending(NOW) is None
    stream.begin_speech()
    stream.push(word(2))
    drive(engine)
    assert events == [final("1", 1), Transcript("1 2", None)]


def test_a_partial_waits_for_the_one_before_it(build: Build) -> None:
    engine, scribe = build(0.4)
    stream, events = opened(engine)
    stream.begin_speech()
    for number in range(1, 5):
        stream.push(word(number))
    drive(engine)
    assert len(scribe.heard) == 1
    stream.push(word(5, 0.02))
    drive(engine)
    assert events[-1] == Transcript("1 2 3 4 5", None)


def test_no_partials_come_where_none_are_wanted(build: Build) -> None:
    engine, scribe = build(None)
    stream, events = opened(engine)
    stream.begin_speech()
    for _ in range(10):
        stream.push(word(1))
    assert engine.pending(NOW) is None
    assert not events
    assert not scribe.heard


def test_a_final_ends_a_partial_under_way(build: Build) -> None:
    engine, _ = build(0.4)
    stream, events = opened(engine)
    stream.begin_speech()
    stream.push(np.concatenate([word(number, 0.2) for number in (1, 2, 3)]))
    partial = step(engine)
    results = engine.run(partial)
    stream.finalise(1, NOW)
    engine.deliver(partial, results)
    drive(engine)
    assert events == [final("1 2 3", 1)]


def test_another_streams_final_overtakes_a_partial_between_two_steps(build: Build) -> None:
    engine, _ = build(0.4)
    talker, partials = opened(engine)
    asker, finals = opened(engine)
    talker.begin_speech()
    talker.push(np.concatenate([word(number, 0.2) for number in (1, 2, 3)]))
    step(engine)
    asker.begin_speech()
    asker.push(word(7))
    asker.finalise(1, NOW + 10)
    while not finals:
        assert not partials
        step(engine)
    drive(engine)
    assert partials == [Transcript("1 2 3", None)]


def test_steps_say_what_they_cost(build: Build) -> None:
    engine, _ = build(None)
    stream, _ = opened(engine)
    stream.begin_speech()
    stream.push(np.concatenate((word(1, 1.2), word(2, 1.2))))
    stream.finalise(1, NOW)
    assert [step(engine).cost_key for _ in range(3)] == [("asr.encode", 3), ("asr.decode", 1), ("asr.decode", 1)]
    assert engine.pending(NOW) is None


def test_each_transcript_drafts_the_next_until_the_turn_is_over(build: Build) -> None:
    engine, scribe = build(0.4)
    stream, _ = opened(engine)
    stream.begin_speech()
    for number in (1, 2):
        stream.push(word(number))
        drive(engine)
    stream.finalise(1, NOW)
    drive(engine)
    stream.commit()
    stream.begin_speech()
    stream.push(word(3))
    drive(engine)
    assert [draft for _, draft in scribe.heard] == [[], [1], [1, 2], []]


def test_what_was_said_after_the_fork_belongs_to_the_next_turn(build: Build) -> None:
    engine, _ = build(None)
    stream, events = opened(engine)
    stream.begin_speech()
    stream.push(word(1))
    stream.finalise(1, NOW)
    drive(engine)
    stream.push(word(2, 0.1))
    stream.begin_speech()
    stream.commit()
    stream.push(word(3))
    stream.finalise(2, NOW)
    drive(engine)
    assert events == [final("1", 1), final("2 3", 2)]


def monologue(stream: MoonshineStream, engine: MoonshineEngine, words: int) -> str:
    for number in range(1, words + 1):
        stream.push(word(number, 1.5))
        drive(engine)
        stream.push(hush(0.5))
        drive(engine)
    return " ".join(map(str, range(1, words + 1)))


@pytest.mark.parametrize("interval_s", [0.4, None])
def test_a_long_turn_is_heard_in_pieces_and_told_as_one(build: Build, interval_s: float | None) -> None:
    engine, scribe = build(interval_s)
    stream, events = opened(engine)
    stream.begin_speech()
    expected = monologue(stream, engine, 60)
    heard_before = len(scribe.heard)
    stream.finalise(1, NOW)
    drive(engine)
    assert events[-1] == final(expected, 1)
    assert max(seconds for seconds, _ in scribe.heard) <= 12
    assert len(scribe.heard) - heard_before <= 2
    assert interval_s is not None or len(events) == 1


def test_a_piece_cut_off_is_not_left_for_the_end(build: Build) -> None:
    engine, _ = build(0.4)
    stream, _ = opened(engine)
    stream.begin_speech()
    stream.push(np.concatenate([audio for number in range(1, 7) for audio in (word(number, 1.5), hush())]))
    batch = engine.pending(NOW)
    assert batch is not None
    assert batch.need is Need.PROMISED
    assert batch.deadline > NOW + 1


def test_a_long_turn_that_comes_all_at_once_is_told_whole(build: Build) -> None:
    engine, scribe = build(None)
    stream, events = opened(engine)
    stream.begin_speech()
    numbers = range(1, 31)
    stream.push(np.concatenate([audio for number in numbers for audio in (word(number, 1.5), hush())]))
    stream.finalise(1, NOW)
    drive(engine)
    assert events == [final(" ".join(map(str, numbers)), 1)]
    assert max(seconds for seconds, _ in scribe.heard) <= 12


def test_a_failed_transcript_leaves_the_turn_as_it_was(build: Build) -> None:
    engine, _ = build(None)
    stream, events = opened(engine)
    stream.begin_speech()
    stream.push(word(1))
    stream.push(np.ones(100, np.float32))
    stream.finalise(1, NOW)
    drive(engine)
    assert [type(event).__name__ for event in events] == ["StreamFailed"]
    stream.commit()
    stream.begin_speech()
    stream.push(word(2))
    stream.finalise(2, NOW)
    drive(engine)
    assert events[-1] == final("2", 2)


def test_a_closed_engine_has_no_work(build: Build) -> None:
    engine, _ = build(0.4)
    stream, events = opened(engine)
    stream.begin_speech()
    stream.push(word(1))
    engine.close()
    assert engine.pending(NOW) is None
    assert not events
