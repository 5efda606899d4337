"""What a dead line has swallowed is sent again, in whole words, and nothing is heard twice."""

import numpy as np
import pytest
from test_playout import FOUR_WORDS, FRAME_S, RATE, pull_s

from voiceagent.audio import Drained, Playout, SegmentHeard, SpeechChunk, WordHeard


def counting(*segments: int) -> Playout:
    """A playout of segments of a second, four words in each, whose samples say where they are from."""
    playout = Playout(RATE, fade_ms=0)
    for number in segments:
        pcm = ((number * RATE + np.arange(RATE)) / 100_000).astype(np.float32)
        playout.enqueue(SpeechChunk(1, number, pcm, FOUR_WORDS, pause_after_s=0.2))
    playout.finish(1)
    playout.release(1)
    return playout


def position(frame: np.ndarray) -> float:
    """Where a frame of `counting` is from, in seconds of speech."""
    return round(float(frame[-1]) * 100_000 + 1) / RATE


@pytest.mark.parametrize(
    ("sent_s", "back_s", "expected_s"),
    [(0.5, 0.1, 0.25), (0.6, 0.4, 0.0), (0.9, 0.2, 0.5), (0.6, 5.0, 0.0), (1.3, 0.35, 0.75), (1.5, 0.1, 1.0)],
)
def test_it_goes_on_at_the_beginning_of_a_word_that_was_lost(sent_s: float, back_s: float, expected_s: float) -> None:
    playout = counting(0, 1, 2)
    pull_s(playout, sent_s)
    playout.rewind(back_s)
    assert position(playout.pull()) - FRAME_S == pytest.approx(expected_s)


@pytest.mark.parametrize("times", [1, 3])
def test_every_word_is_heard_once_and_every_sample_is_sent(times: int) -> None:
    playout = counting(0, 1, 2)
    events, sent = [], []
    for number in range(400):
        sent.append(playout.pull())
        events += playout.drain_events()
        if number in (40, 75, 110)[:times]:
            playout.rewind(0.8)
    words = [(event.segment, event.index) for event in events if isinstance(event, WordHeard)]
    assert words == [(segment, word) for segment in range(3) for word in range(4)]
    assert [event.segment for event in events if isinstance(event, SegmentHeard)] == [0, 1, 2]
    assert sum(isinstance(event, Drained) for event in events) == 1
    speech = {round(float(sample) * 100_000) for frame in sent for sample in frame}
    assert speech >= set(range(3 * RATE))


def test_what_is_two_segments_back_is_gone() -> None:
    playout = counting(0, 1, 2)
    pull_s(playout, 2.6)
    playout.rewind(60.0)
    assert position(playout.pull()) - FRAME_S == pytest.approx(1.0)


def test_there_is_nothing_to_rewind_before_and_after_a_response() -> None:
    playout = Playout(RATE)
    playout.rewind(1.0)
    assert not playout.pull().any()
    playout = counting(0)
    pull_s(playout, 2.0)
    playout.rewind(1.0)
    assert not playout.pull().any()
