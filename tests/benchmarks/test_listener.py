"""What a listener heard and when, from packets whose arrival is known."""

import numpy as np
import pytest

from benchmarks.listener import Timeline
from voiceagent.audio.opus import OpusEncoder

RATE = 16_000
FRAME = 320


class Sender:
    """Sends tone or silence to a timeline, a packet every 20 ms, or later."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.encoder = OpusEncoder(RATE, fec=False)
        self.sequence, self.timestamp = 0xFFF0, 0xFFFF_F000
        self.clock = 100.0

    def send(self, packets: int, *, loud: bool, late_s: float = 0.0, lose: bool = False) -> None:
        for _ in range(packets):
            tone = np.sin(2 * np.pi * 300 * (np.arange(FRAME) + self.timestamp / 3) / RATE)
            pcm = (0.3 * tone).astype(np.float32) if loud else np.zeros(FRAME, np.float32)
            payload = self.encoder.encode(pcm)
            if not lose:
                self.timeline.push(self.sequence, self.timestamp, payload, self.clock + late_s)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.timestamp = (self.timestamp + 960) & 0xFFFF_FFFF
            self.clock += 0.02


@pytest.fixture
def sender() -> Sender:
    return Sender()


def test_sound_begins_where_it_becomes_audible_in_its_packet(sender: Sender) -> None:
    sender.send(10, loud=False)
    sender.send(10, loud=True)
    onset = sender.timeline.onset(100.0)
    assert onset is not None
    assert 100.2 <= onset <= 100.215  # Opus holds 6.5 ms back


def test_in_silence_nothing_begins(sender: Sender) -> None:
    sender.send(10, loud=False)
    assert sender.timeline.onset(100.0) is None


def test_only_sound_from_the_given_time_on_counts(sender: Sender) -> None:
    sender.send(10, loud=True)
    sender.send(40, loud=False)
    sender.send(5, loud=True)
    onset = sender.timeline.onset(100.3)
    assert onset is not None
    assert 101.0 <= onset <= 101.015


def test_rest_begins_at_the_end_of_the_last_sound(sender: Sender) -> None:
    sender.send(10, loud=True)
    sender.send(10, loud=False)  # a pause of speech
    sender.send(10, loud=True)
    assert sender.timeline.rest(100.0) is None
    sender.send(30, loud=False)
    rest = sender.timeline.rest(100.0)
    assert rest is not None
    assert 100.6 <= rest <= 100.63


def test_who_was_silent_already_rests_from_the_beginning(sender: Sender) -> None:
    sender.send(30, loud=False)
    assert sender.timeline.rest(100.1) == 100.1


def test_the_sound_is_joined_as_it_was_sent_with_silence_for_what_was_lost(sender: Sender) -> None:
    sender.send(5, loud=True)
    sender.send(2, loud=True, lose=True)
    sender.send(5, loud=True)
    pcm = sender.timeline.pcm(100.0)
    assert sender.timeline.lost == 2
    assert len(pcm) == 12 * FRAME
    assert not pcm[5 * FRAME : 7 * FRAME].any()
    assert np.abs(pcm[8 * FRAME :]).max() > 0.2


def test_where_nothing_came_there_is_no_sound(sender: Sender) -> None:
    assert len(sender.timeline.pcm(0.0)) == 0
    assert sender.timeline.stalls_ms(0.0, 200.0) == []


def test_packets_in_time_leave_no_gap(sender: Sender) -> None:
    sender.send(50, loud=True)
    assert sum(sender.timeline.stalls_ms(100.0, 200.0)) == pytest.approx(0.0, abs=0.001)


def test_a_late_packet_leaves_a_gap_once(sender: Sender) -> None:
    sender.send(5, loud=True)
    sender.send(5, loud=True, late_s=0.03)
    sender.send(5, loud=True)
    sender.send(5, loud=True, late_s=0.03)
    assert [ms for ms in sender.timeline.stalls_ms(100.0, 200.0) if ms > 0.01] == [pytest.approx(30.0)]


def test_what_is_damaged_doubled_or_late_counts_for_nothing(sender: Sender) -> None:
    sender.send(3, loud=True)
    before = len(sender.timeline.packets)
    sender.timeline.push(sender.sequence - 1, sender.timestamp - 960, b"\x08\x00\x00", 101.0)
    sender.timeline.push(sender.sequence - 3, sender.timestamp, b"\x08\x00\x00", 101.0)
    sender.timeline.push(sender.sequence, sender.timestamp, b"", 101.0)
    assert len(sender.timeline.packets) == before


def tone(samples: int) -> np.ndarray:
    return np.full(samples, 0.3, np.float32)


def test_what_comes_ahead_of_its_time_is_heard_when_what_came_before_has_been_played() -> None:
    timeline = Timeline()
    timeline.play(np.zeros(4 * FRAME, np.float32), 100.0)
    timeline.play(tone(FRAME), 100.01)
    assert timeline.onset(0.0) == pytest.approx(100.08)
    assert timeline.last_sound() == pytest.approx(100.1)


def test_what_comes_late_is_heard_when_it_comes_with_silence_before_it() -> None:
    timeline = Timeline()
    timeline.play(tone(FRAME), 100.0)
    timeline.play(tone(FRAME), 101.0)
    assert timeline.onset(100.5) == pytest.approx(101.0)
    pcm = timeline.pcm(100.0)
    assert len(pcm) == RATE + FRAME
    assert not pcm[FRAME:RATE].any()


def test_a_client_that_forgets_plays_the_next_at_once() -> None:
    timeline = Timeline()
    for _ in range(10):
        timeline.play(tone(FRAME), 100.0)
    timeline.forget(100.05)
    assert timeline.last_sound() == pytest.approx(100.06), "the frame that was begun is played"
    timeline.play(tone(FRAME), 100.5)
    assert timeline.onset(100.2) == pytest.approx(100.5)


def test_nothing_heard_has_no_last_sound(sender: Sender) -> None:
    sender.send(10, loud=False)
    assert sender.timeline.last_sound() == 0.0
