import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.audio import AudioReceiver, OpusDecoder, OpusEncoder, Pcm
from voiceagent.audio.pcm import level_db
from voiceagent.audio.receive import (
    BURST_S,
    CONCEAL_S,
    FILL_STEP_S,
    LONGEST_SILENCE_S,
    QUIET_AFTER_S,
    RATE,
    AudioError,
)

PACKET_S = 0.02
TICKS = 960


def packets_of(pcm: Pcm, packet_ms: int = 20, fec: bool = True) -> list[bytes]:
    encoder = OpusEncoder(RATE, fec=fec, packet_loss_percent=10)
    step = RATE * packet_ms // 1000
    return [encoder.encode(pcm[at : at + step]) for at in range(0, len(pcm) - step + 1, step)]


class Line:
    """A caller's packets on their way to a receiver, which is read whenever it asks to be."""

    def __init__(self) -> None:
        self.receiver = AudioReceiver()
        self.pieces: list[Pcm] = []
        self.polls = 0
        self.lags_ms: list[float] = []

    def wait_until(self, now_s: float) -> None:
        while (due_s := self.receiver.next_poll_s) is not None and due_s <= now_s:
            self.poll(due_s)

    def poll(self, now_s: float) -> None:
        self.polls += 1
        self.pieces += self.receiver.poll(now_s)
        self.lags_ms.append(self.receiver.stats.lag_ms)

    def send(self, number: int, payload: bytes, *, at_s: float, timestamp: int | None = None) -> None:
        self.wait_until(at_s)
        ticks = number * TICKS if timestamp is None else timestamp
        self.receiver.push_packet(number & 0xFFFF, ticks & 0xFFFFFFFF, payload, at_s)
        self.poll(at_s)

    @property
    def heard(self) -> Pcm:
        return np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)


def decoded(packets: list[bytes]) -> Pcm:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(packet) for packet in packets])


def test_a_clean_line_gives_every_sample_without_delay(voice) -> None:
    packets = packets_of(voice(1.0))
    line = Line()
    for i, packet in enumerate(packets):
        line.send(i, packet, at_s=i * PACKET_S)
        assert len(line.heard) == (i + 1) * 320
    assert np.array_equal(line.heard, decoded(packets))
    assert line.receiver.stats.lag_ms == 0
    assert line.receiver.stats.received == 50


@pytest.mark.parametrize("fec", [True, False])
def test_a_lost_packet_is_restored_or_concealed_in_its_place(voice, fec: bool) -> None:
    packets = packets_of(voice(1.0), fec=fec)
    line = Line()
    for i, packet in enumerate(packets):
        if i != 30:
            line.send(i, packet, at_s=i * PACKET_S)
    line.wait_until(1.1)
    stats = line.receiver.stats
    assert len(line.heard) == RATE
    assert (stats.lost, stats.fec_recovered, stats.concealed) == ((1, 1, 0) if fec else (1, 0, 320))
    clean = decoded(packets)
    assert np.array_equal(line.heard[: 30 * 320], clean[: 30 * 320])
    assert level_db(line.heard[30 * 320 : 31 * 320]) > level_db(clean[30 * 320 : 31 * 320]) - 6
    assert np.corrcoef(line.heard[32 * 320 :], clean[32 * 320 :])[0, 1] > 0.98


def test_a_long_loss_is_concealed_briefly_and_then_silent(voice) -> None:
    packets = packets_of(voice(2.0))
    line = Line()
    for i, packet in enumerate(packets):
        if not 40 <= i < 48:
            line.send(i, packet, at_s=i * PACKET_S)
    line.wait_until(2.1)
    assert len(line.heard) == 2 * RATE
    assert line.receiver.stats.concealed == CONCEAL_S * RATE
    assert line.receiver.stats.fec_recovered == 1
    assert not line.heard[43 * 320 : 47 * 320].any()
    assert line.heard[47 * 320 : 48 * 320].any()


@pytest.mark.parametrize("packet_ms", [10, 40, 60])
def test_packets_of_any_length_are_replaced_at_their_length(voice, packet_ms: int) -> None:
    packets = packets_of(voice(1.2), packet_ms, fec=False)
    line = Line()
    for i, packet in enumerate(packets):
        if i % 9 != 8:
            line.send(i, packet, at_s=i * packet_ms / 1000, timestamp=i * packet_ms * 48)
    line.wait_until(1.3)
    end = len(packets) - (len(packets) % 9 == 0)
    assert len(line.heard) == end * packet_ms * 16
    assert line.receiver.stats.lost == end // 9
    assert line.receiver.stats.concealed == end // 9 * packet_ms * 16


def test_five_percent_loss_adds_little_lag_that_does_not_grow(voice) -> None:
    rng = np.random.default_rng(5)
    packets = packets_of(voice(30.0))
    line = Line()
    lost = 0
    for i, packet in enumerate(packets):
        if rng.random() < 0.05 and i < len(packets) - 1:
            lost += 1
            continue
        line.send(i, packet, at_s=i * PACKET_S)
    stats = line.receiver.stats
    assert stats.lost == lost > 50
    assert stats.fec_recovered > 0.6 * lost
    assert max(line.lags_ms) <= 60
    assert max(line.lags_ms[-300:]) <= max(line.lags_ms[:300]) + 1
    assert len(line.heard) == len(packets) * 320
    assert np.corrcoef(line.heard, decoded(packets))[0, 1] > 0.95


def test_a_pause_in_sending_becomes_silence_of_the_same_length(voice) -> None:
    packets = packets_of(voice(0.4))
    line = Line()
    for i in range(10):
        line.send(i, packets[i], at_s=i * PACKET_S)
    pause_s = 0.4
    for i in range(10, 20):
        at_s = i * PACKET_S + pause_s
        line.send(i, packets[i], at_s=at_s, timestamp=round(at_s * 48_000))
    assert len(line.heard) == (20 * PACKET_S + pause_s) * RATE
    assert not line.heard[10 * 320 : 30 * 320].any()
    assert line.receiver.stats.concealed == 0
    assert np.array_equal(line.heard[30 * 320 :], decoded(packets)[10 * 320 :])


def test_a_pause_shorter_than_the_quiet_time_is_silence_too(voice) -> None:
    packets = packets_of(voice(0.1))
    line = Line()
    line.send(0, packets[0], at_s=0.0)
    line.send(1, packets[1], at_s=0.1, timestamp=5 * TICKS)
    assert len(line.heard) == 6 * 320


def test_a_loss_within_a_pause_is_mostly_silence(voice) -> None:
    packets = packets_of(voice(0.5), fec=False)
    line = Line()
    line.send(0, packets[0], at_s=0.0)
    line.send(2, packets[2], at_s=0.18, timestamp=9 * TICKS)
    line.wait_until(0.25)
    assert len(line.heard) == 10 * 320
    assert line.receiver.stats.concealed == 320


def test_a_speaker_who_vanishes_is_followed_by_silence_in_real_time_at_little_cost(voice) -> None:
    line = Line()
    for i, packet in enumerate(packets_of(voice(0.5))):
        line.send(i, packet, at_s=i * PACKET_S)
    last_s, speech = 24 * PACKET_S, len(line.heard)
    line.wait_until(last_s + QUIET_AFTER_S - 0.001)
    assert len(line.heard) == speech
    line.wait_until(last_s + QUIET_AFTER_S)
    assert len(line.heard) == speech + QUIET_AFTER_S * RATE
    line.polls = 0
    line.wait_until(last_s + 10)
    silence_s = (len(line.heard) - speech) / RATE
    assert 10 - FILL_STEP_S <= silence_s <= 10
    assert not line.heard[speech:].any()
    assert line.polls <= 10 / FILL_STEP_S


def test_packets_that_a_stalled_network_delivers_late_are_all_heard_and_nothing_lags_after(voice) -> None:
    packets = packets_of(voice(2.0))
    line = Line()
    for i, packet in enumerate(packets):
        line.send(i, packet, at_s=max(i * PACKET_S, 1.5) if i >= 50 else i * PACKET_S)
    inserted = len(line.heard) - len(packets) * 320
    assert inserted == pytest.approx((1.5 - 49 * PACKET_S) * RATE, abs=FILL_STEP_S * RATE)
    assert np.array_equal(np.delete(line.heard, np.s_[50 * 320 : 50 * 320 + inserted]), decoded(packets))
    assert max(line.lags_ms) == 0


def test_a_dead_network_is_not_made_up_for_when_it_comes_back(voice) -> None:
    packets = packets_of(voice(4.0), fec=False)
    line = Line()
    for i, packet in enumerate(packets):
        if not 50 <= i < 151:
            line.send(i, packet, at_s=i * PACKET_S)
    line.wait_until(4.0)
    assert len(line.heard) == pytest.approx(4 * RATE, abs=320)
    assert line.receiver.stats.concealed == 0


def test_a_reader_that_slept_for_an_hour_is_not_drowned_in_silence(voice) -> None:
    receiver = AudioReceiver()
    receiver.push_packet(0, 0, packets_of(voice(0.1))[0], 0.0)
    receiver.poll(0.0)
    assert sum(map(len, receiver.poll(3600.0))) == LONGEST_SILENCE_S * RATE
    assert receiver.next_poll_s == pytest.approx(3600.0 + FILL_STEP_S)


def test_timestamps_that_claim_hours_or_run_backwards_are_not_believed(voice) -> None:
    packets = packets_of(voice(0.2))
    line = Line()
    line.send(0, packets[0], at_s=0.0, timestamp=0)
    line.send(1, packets[1], at_s=0.02, timestamp=2_000_000_000)
    assert len(line.heard) == LONGEST_SILENCE_S * RATE + 640
    line.send(2, packets[2], at_s=0.04, timestamp=7)
    assert len(line.heard) == LONGEST_SILENCE_S * RATE + 960


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x03\xff", b"\x0b\xff" + b"a" * 9])
def test_a_corrupt_packet_is_concealed_and_the_line_goes_on(voice, garbage: bytes) -> None:
    packets = packets_of(voice(1.0))
    line = Line()
    for i, packet in enumerate(packets):
        line.send(i, garbage if i == 20 else packet, at_s=i * PACKET_S)
    assert len(line.heard) == RATE
    assert line.receiver.stats.corrupt == 1
    assert np.corrcoef(line.heard[22 * 320 :], decoded(packets)[22 * 320 :])[0, 1] > 0.98


def test_a_recovery_that_fails_is_concealed(voice, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: OpusDecoder, payload: bytes, samples: int) -> Pcm:
        raise AudioError("corrupt")

    monkeypatch.setattr(OpusDecoder, "decode_fec", fail)
    packets = packets_of(voice(1.0))
    line = Line()
    for i, packet in enumerate(packets):
        if i != 30:
            line.send(i, packet, at_s=i * PACKET_S)
    assert len(line.heard) == RATE
    assert (line.receiver.stats.fec_recovered, line.receiver.stats.concealed) == (0, 320)


def test_a_sender_who_floods_is_heard_no_faster_than_anyone_can_speak(voice) -> None:
    packets = packets_of(voice(1.0))
    line = Line()
    for i in range(2500):
        line.send(i, packets[i % 50], at_s=i / 2500)
    assert len(line.heard) / RATE <= BURST_S + 1.1
    assert line.receiver.stats.refused > 1900
    line.wait_until(5.0)
    for i in range(2500, 2600):
        line.send(i, packets[i % 50], at_s=5 + (i - 2500) * PACKET_S)
    assert line.receiver.stats.refused < 2000, "the line recovers once it is used for speech again"


def test_jumping_timestamps_do_not_buy_more_silence_than_speech(voice) -> None:
    packets = packets_of(voice(0.1))
    line = Line()
    for i in range(100):
        line.send(i, packets[i % 5], at_s=i * PACKET_S, timestamp=i * 48_000)
    assert len(line.heard) / RATE <= BURST_S + 2 * 1.05


@pytest.mark.parametrize("announced", [True, False])
def test_a_new_stream_joins_without_a_gap(voice, announced: bool) -> None:
    packets = packets_of(voice(0.4))
    line = Line()
    for i in range(10):
        line.send(i, packets[i], at_s=i * PACKET_S)
    if announced:
        line.receiver.reset()
    for i in range(10, 20):
        line.send(i + 30_000, packets[i], at_s=i * PACKET_S)
    assert len(line.heard) == (20 if announced else 19) * 320
    assert line.receiver.stats.concealed == 0


def test_nothing_is_due_before_the_first_packet() -> None:
    receiver = AudioReceiver()
    assert receiver.next_poll_s is None
    assert receiver.poll(100.0) == []
    assert receiver.stats.wait_ms == 20


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65_535) | st.integers(0, 40),
            st.integers(0, 2**32 - 1) | st.integers(0, 40 * TICKS),
            st.binary(max_size=40),
            st.floats(0, 0.3),
        ),
        max_size=40,
    )
)
def test_no_packet_can_break_the_line(packets: list[tuple[int, int, bytes, float]]) -> None:
    line = Line()
    now_s = 0.0
    for sequence, timestamp, payload, later_s in packets:
        now_s += later_s
        line.send(sequence, payload, at_s=now_s, timestamp=timestamp)
    line.wait_until(now_s + 1)
    assert np.isfinite(line.heard).all()
    assert np.abs(line.heard).max(initial=0.0) <= 1.0
    assert len(line.heard) / RATE <= BURST_S + 2.05 * (now_s + 1)
