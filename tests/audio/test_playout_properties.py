"""Random conversations: whatever is enqueued, pulled, paused, resumed and stopped in whatever order."""

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from voiceagent.audio import Heard, Playout, SpeechChunk, Word, WordHeard
from voiceagent.audio.playout import REWIND_S

RATE = 8_000
WORD_S = 0.1
SCALE = 2**17
"""More than a conversation has samples, so that each has a value of its own, exact in float32."""


class Conversation:
    """Samples are numbered, and fades are off, so that every sample that comes out can be recognised."""

    def __init__(self) -> None:
        self.playout = Playout(RATE, fade_ms=0)
        self.generation = 0
        self.paused = self.may_rewind = False
        self.open_next()

    def open_next(self) -> None:
        self.generation += 1
        self.made = self.segment = self.in_segment = self.words = 0
        self.next_sample = self.newest_sample = 0
        self.released = False
        self.told: list[tuple[int, int]] = []

    def enqueue(self, samples: int, final: bool) -> None:
        numbered = np.arange(self.made + 1, self.made + samples + 1) / SCALE
        known = int((self.in_segment + samples) / RATE / WORD_S)
        words = tuple(Word(f"{self.segment}.{i}", i * WORD_S, (i + 1) * WORD_S) for i in range(self.words, known))
        pcm = numbered.astype(np.float32)
        pause_s = samples % 3 / 100
        assert self.playout.enqueue(SpeechChunk(self.generation, self.segment, pcm, words, final, pause_s))
        self.made += samples
        self.in_segment += samples
        self.words = known
        if final:
            self.segment, self.in_segment, self.words = self.segment + 1, 0, 0

    def release(self) -> None:
        if not self.released:
            self.playout.release(self.generation)
            self.released, self.paused, self.may_rewind = True, False, False

    def pull(self, frames: int) -> None:
        for _ in range(frames):
            frame = self.playout.pull()
            assert len(frame) == RATE // 50
            heard = np.rint(frame[frame != 0] * SCALE).astype(int) - 1
            if len(heard):
                assert self.released
                assert not self.paused
                self.listen(heard)
            events = self.playout.drain_events()
            assert {event.generation for event in events} <= {self.generation}
            self.told += [(event.segment, event.index) for event in events if isinstance(event, WordHeard)]

    def listen(self, heard: np.ndarray) -> None:
        if self.may_rewind and heard[0] != self.next_sample:
            assert 0 < self.next_sample - heard[0] <= REWIND_S * RATE, "only a resume steps back, and not far"
            event("stepped back")
            self.next_sample = int(heard[0])
        self.may_rewind = False
        assert np.array_equal(heard, self.next_sample + np.arange(len(heard))), "none is lost, doubled or misplaced"
        self.next_sample += len(heard)
        self.newest_sample = max(self.newest_sample, self.next_sample)

    def pause(self) -> None:
        self.playout.pause()
        self.paused = True

    def resume(self) -> None:
        self.may_rewind |= self.paused
        self.playout.resume()
        self.paused = False

    def cough(self, frames: int) -> None:
        self.pause()
        self.pull(frames)
        self.resume()
        self.pull(1)

    def end(self) -> None:
        if self.released:
            self.check_heard(self.playout.stop(self.generation))
            self.paused = self.may_rewind = False
        else:
            self.playout.drop(self.generation)
        assert not self.playout.enqueue(SpeechChunk(self.generation, 99, np.ones(5, np.float32)))
        self.open_next()

    def check(self) -> None:
        self.check_heard(self.playout.heard(self.generation))
        assert self.told == sorted(set(self.told)), "every word is told once, in order"
        assert self.playout.buffered_s(self.generation) * RATE >= self.made - self.newest_sample - 1e-6

    def check_heard(self, heard: Heard) -> None:
        assert [segment.segment for segment in heard.segments] == list(range(len(heard.segments)))
        assert all(segment.complete for segment in heard.segments[:-1])
        for segment in heard.segments:
            assert [w.text for w in segment.words] == [f"{segment.segment}.{i}" for i in range(len(segment.words))]
            if not segment.complete:
                assert all(word.middle_s <= segment.played_s for word in segment.words)
        assert round(sum(segment.played_s for segment in heard.segments) * RATE) == self.newest_sample


moves = st.one_of(
    st.tuples(st.just("enqueue"), st.integers(0, 3_000), st.booleans()),
    st.tuples(st.sampled_from(["pull", "pull", "cough"]), st.integers(1, 8)),
    st.tuples(st.sampled_from(["pause", "resume", "release", "end"])),
)


@given(st.lists(moves, min_size=10, max_size=60))
def test_no_sample_is_lost_doubled_or_out_of_order(steps: list[tuple[str, ...]]) -> None:
    conversation = Conversation()
    conversation.enqueue(2_000, False)
    conversation.release()
    for name, *arguments in steps:
        getattr(conversation, name)(*arguments)
        conversation.check()


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(st.sampled_from(["pull", "pause", "resume", "stop", "late"]), st.integers(1, 7)),
        min_size=1,
        max_size=30,
    )
)
def test_a_loud_tone_never_clicks_wherever_it_is_cut(rate: int, moves: list[tuple[str, int]]) -> None:
    playout = Playout(rate)
    tone = (0.9 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate + 1.0)).astype(np.float32)
    steepest = 0.9 * 2 * np.pi * 440 / rate + 0.9 / (0.005 * rate)
    generation, sent = 1, [np.zeros(1, np.float32)]

    def speak(final: bool) -> None:
        length = len(tone) - 321 * generation
        playout.enqueue(SpeechChunk(generation, 0, tone[:length], (Word("la", 0.03, 0.3),), final))
        playout.release(generation)

    speak(final=True)
    for move, count in moves:
        match move:
            case "pull":
                sent += [playout.pull() for _ in range(count)]
            case "pause":
                playout.pause()
            case "resume":
                playout.resume()
            case "stop" | "late":
                playout.stop(generation)
                generation += 1
                speak(final=move == "stop")
    sent += [playout.pull() for _ in range(60)]
    assert np.abs(np.diff(np.concatenate(sent))).max() <= steepest * 1.01
