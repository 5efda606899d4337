from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.audio.jitter import LONGEST_WAIT_S, SHORTEST_WAIT_S, Frame, JitterBuffer, Lost

PACKET_S = 0.02
TICKS = 960


@dataclass(frozen=True)
class Out:
    """Something that came out, and when."""

    item: Frame | Lost
    at_s: float


def packet(buffer: JitterBuffer, sequence: int, arrival_s: float) -> bool:
    return buffer.add(sequence & 0xFFFF, sequence * TICKS & 0xFFFFFFFF, str(sequence).encode(), arrival_s)


def pop_all(buffer: JitterBuffer, now_s: float) -> list[Frame | Lost]:
    items = []
    while (item := buffer.pop(now_s)) is not None:
        items.append(item)
    return items


def numbers(items: Iterable[Frame | Lost]) -> list[str]:
    return [item.payload.decode() if isinstance(item, Frame) else f"lost {item.packets}" for item in items]


def listen(arrivals: Iterable[tuple[float, int]], buffer: JitterBuffer | None = None) -> list[Out]:
    """Feed (arrival, sequence) pairs, and read whenever a packet comes and whenever the buffer asked to be read."""
    buffer = buffer or JitterBuffer()
    out: list[Out] = []

    def read(now_s: float) -> None:
        out.extend(Out(item, now_s) for item in pop_all(buffer, now_s))

    def read_until(end_s: float) -> None:
        while (deadline_s := buffer.next_deadline_s) is not None and deadline_s <= end_s:
            read(deadline_s)

    for arrival_s, sequence in sorted(arrivals):
        read_until(arrival_s)
        packet(buffer, sequence, arrival_s)
        read(arrival_s)
    read_until(float("inf"))
    return out


def test_a_packet_in_order_comes_out_the_moment_it_arrives_however_uneven_the_network() -> None:
    arrivals = [(number * PACKET_S + 0.3 * (number % 7 == 3), number) for number in range(1, 50)]
    in_order = [(max(at for at, _ in arrivals[: i + 1]), number) for i, (_, number) in enumerate(arrivals)]
    out = listen(in_order)
    assert numbers(o.item for o in out) == [str(number) for number in range(1, 50)]
    assert all(o.at_s == o.item.arrival_s for o in out)


def test_a_missing_packet_is_waited_for_20_ms_then_given_up() -> None:
    buffer = JitterBuffer()
    packet(buffer, 1, 0.0)
    packet(buffer, 3, 0.04)
    assert numbers(pop_all(buffer, 0.04)) == ["1"]
    assert buffer.next_deadline_s == pytest.approx(0.06)
    assert pop_all(buffer, 0.059) == []
    assert numbers(pop_all(buffer, 0.06)) == ["lost 1", "3"]
    assert buffer.next_deadline_s is None
    assert (buffer.lost, buffer.late) == (1, 0)


def test_the_loss_comes_with_the_packet_that_may_restore_it() -> None:
    out = listen([(0.0, 1), (0.1, 5)])
    assert isinstance(out[1].item, Lost)
    assert out[1].item.packets == 3
    assert out[1].item.following is out[2].item


def test_swapped_packets_are_put_right() -> None:
    out = listen([(0.0, 1), (0.021, 3), (0.022, 2), (0.06, 4)])
    assert numbers(o.item for o in out) == ["1", "2", "3", "4"]
    assert out[2].at_s == 0.022


def test_a_network_that_swaps_is_given_more_time_which_is_forgotten_when_it_stops() -> None:
    buffer = JitterBuffer()
    assert buffer.wait_s == SHORTEST_WAIT_S
    listen([(0.0, 1), (0.02, 3), (0.055, 2), (0.06, 4)], buffer)
    assert buffer.late == 1
    assert buffer.wait_s == pytest.approx(0.035 * 1.25, rel=0.02)
    listen([(1.0, 5), (1.02, 7), (1.4, 6)], buffer)
    assert buffer.wait_s == LONGEST_WAIT_S
    listen([(2 + number * PACKET_S, number) for number in range(8, 2000)], buffer)
    assert buffer.wait_s == SHORTEST_WAIT_S


def test_a_swap_is_measured_from_the_packet_that_overtook() -> None:
    buffer = JitterBuffer()
    out = listen([(0.0, 1), (0.02, 3), (0.038, 5), (0.039, 4)], buffer)
    assert numbers(o.item for o in out) == ["1", "lost 1", "3", "4", "5"]
    assert buffer.wait_s == SHORTEST_WAIT_S


def test_doubles_and_latecomers_are_dropped() -> None:
    buffer = JitterBuffer()
    assert packet(buffer, 1, 0.0)
    assert not packet(buffer, 1, 0.0)
    pop_all(buffer, 0.0)
    assert not packet(buffer, 1, 0.01)
    packet(buffer, 3, 0.04)
    assert numbers(pop_all(buffer, 1.0)) == ["lost 1", "3"]
    assert not packet(buffer, 2, 1.0)
    assert not packet(buffer, 2, 1.0)
    assert buffer.late == 1


def test_sequence_numbers_and_timestamps_wrap_around() -> None:
    out = listen([(number * PACKET_S, number) for number in range(65_530, 65_545)])
    assert [o.item.timestamp - out[0].item.timestamp for o in out] == [i * TICKS for i in range(15)]
    start = 0xFFFFFFFF // TICKS - 3
    out = listen([(number * PACKET_S, number) for number in range(start, start + 10)])
    assert [o.item.timestamp - out[0].item.timestamp for o in out] == [i * TICKS for i in range(10)]


def test_another_stream_begins_anew_after_a_reset() -> None:
    buffer = JitterBuffer()
    packet(buffer, 1, 0.0)
    packet(buffer, 5, 0.0)
    buffer.reset()
    assert pop_all(buffer, 9.0) == []
    packet(buffer, 40_000, 9.0)
    (frame,) = pop_all(buffer, 9.0)
    assert frame.first


def test_a_sender_that_jumps_to_other_numbers_is_followed_from_its_second_packet_on() -> None:
    buffer = JitterBuffer()
    packet(buffer, 100, 0.0)
    pop_all(buffer, 0.0)
    assert [packet(buffer, number, 1.0) for number in (30_000, 30_001, 30_002)] == [False, True, True]
    frames = pop_all(buffer, 1.0)
    assert numbers(frames) == ["30001", "30002"]
    assert [frame.first for frame in frames] == [True, False]


def test_stray_packets_change_nothing() -> None:
    buffer = JitterBuffer()
    for number, stray in ((100, 30_000), (101, 30_001), (102, 50_000)):
        assert packet(buffer, number, 0.0)
        assert not packet(buffer, stray, 0.0)
    assert numbers(pop_all(buffer, 0.0)) == ["100", "101", "102"]


def test_a_flood_behind_a_missing_packet_does_not_pile_up() -> None:
    buffer = JitterBuffer()
    packet(buffer, 0, 0.0)
    pop_all(buffer, 0.0)
    for number in range(2, 102):
        packet(buffer, number, 0.0)
    assert numbers(pop_all(buffer, 0.0))[0] == "lost 1"


def test_a_long_outage_is_one_loss_and_its_stragglers_are_known_as_late() -> None:
    buffer = JitterBuffer()
    out = listen([(0.0, 0), (50.0, 2500)], buffer)
    assert numbers(o.item for o in out) == ["0", "lost 2499", "2500"]
    assert not packet(buffer, 2499, 50.1)
    assert buffer.late == 1


network = st.lists(
    st.tuples(
        st.booleans() | st.just(True),  # sent through
        st.floats(0, 0.15),  # delay
        st.booleans(),  # doubled
    ),
    min_size=2,
    max_size=60,
)


@given(network, st.integers(0, 65_535))
def test_whatever_the_network_does_order_and_delay_hold(packets: list[tuple[bool, float, bool]], start: int) -> None:
    arrivals = []
    for i, (through, delay_s, doubled) in enumerate(packets):
        if through:
            arrivals.append((i * PACKET_S + delay_s, start + i))
            if doubled:
                arrivals.append((i * PACKET_S + delay_s + 0.03, start + i))
    buffer = JitterBuffer()
    out = listen(arrivals, buffer)
    frames = [o for o in out if isinstance(o.item, Frame)]

    sequences = [o.item.sequence for o in frames]
    assert sequences == sorted(set(sequences)), "in order, and nothing twice"
    assert all(o.at_s - o.item.arrival_s <= LONGEST_WAIT_S + 1e-9 for o in frames), "nothing is held for long"
    if frames:
        covered = len(frames) + sum(o.item.packets for o in out if isinstance(o.item, Lost))
        assert covered == sequences[-1] - sequences[0] + 1, "every number is accounted for"
        assert {o.item.payload.decode() for o in frames} >= {str(number) for number in on_time(arrivals)}
    assert buffer.next_deadline_s is None, "nothing stays behind"


def on_time(arrivals: list[tuple[float, int]]) -> set[int]:
    """Packets of the stream (from the first to arrive on) that came before a later one had waited for 20 ms."""
    first_arrival = {}
    for at_s, number in sorted(arrivals):
        first_arrival.setdefault(number, at_s)
    begin = min(sorted(arrivals)[:1], default=(0, 0))[1]
    return {
        number
        for number, at_s in first_arrival.items()
        if number >= begin
        and all(at_s < later_s + SHORTEST_WAIT_S for later, later_s in first_arrival.items() if later > number)
    }


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05, 0.2])
def test_delay_stays_small_and_does_not_grow_over_a_minute_of_loss_and_jitter(loss: float) -> None:
    rng = np.random.default_rng(7)
    clear: Callable[[], bool] = lambda: rng.random() >= loss  # noqa: E731
    sent = [i for i in range(3000) if clear()]
    arrivals = [(i * PACKET_S + rng.exponential(0.006), i) for i in sent]
    frames = [o for o in listen(arrivals) if isinstance(o.item, Frame)]
    delay_s = np.array([o.at_s - o.item.arrival_s for o in frames])
    lag_s = np.array([o.at_s - o.item.sequence * PACKET_S for o in frames])
    assert delay_s.max() <= LONGEST_WAIT_S + 1e-9
    assert lag_s[-1000:].mean() <= lag_s[:1000].mean() + 0.003
    assert len(frames) >= 0.999 * len(sent)
    assert np.quantile(lag_s, 0.99) <= 0.12
