"""The policy: least slack first, speculation last, never more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.contract import Batch, Need
from voiceagent.scheduler.policy import NEGLIGIBLE_S, decide, fifo


class Costs(dict):
    def predict(self, key):
        return self.get(key, 0.02)


def batch(lane, deadline=1.0, *, need=Need.AWAITED, size=1, place=0):
    return Batch(lane, (f"{lane}.step", size), deadline, (0,), None, need, place=place)


def lanes(batches):
    return [chosen.lane for chosen in batches]


def test_the_batch_with_the_least_slack_goes_first():
    offered = [batch("asr", 3.0), batch("llm", 1.0), batch("tts", 2.0)]
    assert lanes(decide(0.0, offered, [], Costs(), capacity=2)) == ["llm", "tts"]


def test_slack_counts_the_cost_of_the_step():
    costs = Costs({("llm.step", 1): 0.9, ("tts.step", 1): 0.01})
    offered = [batch("tts", 1.0), batch("llm", 1.5)]
    assert lanes(decide(0.0, offered, [], costs, capacity=1)) == ["llm"]


def test_running_steps_take_room():
    assert decide(0.0, [batch("llm")], [batch("asr"), batch("tts")], Costs(), capacity=2) == []


def test_a_negligible_step_starts_whatever_runs():
    costs = Costs({("vad.step", 1): NEGLIGIBLE_S / 10})
    assert lanes(decide(0.0, [batch("vad")], [batch("asr"), batch("llm")], costs, capacity=2)) == ["vad"]


def test_speculation_goes_last_however_early_its_deadline():
    offered = [batch("llm", 0.0, need=Need.SPECULATIVE), batch("tts", 9.0), batch("asr", 8.0)]
    assert lanes(decide(0.0, offered, [], Costs(), capacity=2)) == ["asr", "tts"]


def test_speculation_runs_on_a_single_core_when_it_is_free():
    offered = [batch("llm", 0.0, need=Need.SPECULATIVE)]
    assert lanes(decide(0.0, offered, [], Costs(), capacity=1)) == ["llm"]


def test_a_lane_of_another_device_neither_waits_nor_takes_room():
    offered = [batch("turn"), batch("llm")]
    assert lanes(decide(0.0, offered, [batch("asr")], Costs(), capacity=1, beside={"turn"})) == ["turn"]
    assert lanes(decide(0.0, [batch("llm")], [batch("turn")], Costs(), capacity=1, beside={"turn"})) == ["llm"]


def test_first_in_first_out_knows_no_deadline():
    offered = [batch("tts", 0.0, place=7), batch("llm", 9.0, place=3, need=Need.SPECULATIVE)]
    assert lanes(fifo(0.0, offered, [], Costs(), capacity=1)) == ["llm"]
    assert lanes(decide(0.0, offered, [], Costs(), capacity=1)) == ["tts"]


batches = st.builds(
    batch,
    st.sampled_from(["asr", "llm", "tts", "vad", "turn"]),
    st.floats(-10, 10),
    need=st.sampled_from(Need),
    size=st.integers(1, 4),
)


@given(st.lists(batches, unique_by=lambda b: b.lane), st.integers(0, 3), st.integers(1, 4))
def test_never_more_than_there_is_room_for_and_nothing_that_was_not_offered(offered, running, capacity):
    busy = [batch(f"other{n}") for n in range(running)]
    chosen = decide(0.0, offered, busy, Costs(), capacity)
    assert len({id(b) for b in chosen}) == len(chosen)
    assert all(any(b is o for o in offered) for b in chosen)
    assert len(chosen) <= max(0, capacity - running)


@given(st.lists(batches, unique_by=lambda b: b.lane, min_size=1), st.integers(1, 4))
def test_an_idle_device_is_never_left_idle(offered, capacity):
    assert decide(0.0, offered, [], Costs(), capacity)


@given(st.lists(batches, unique_by=lambda b: b.lane), st.integers(1, 4))
def test_nobody_waits_behind_speculation(offered, capacity):
    chosen = decide(0.0, offered, [], Costs(), capacity)
    left = [b for b in offered if not any(b is c for c in chosen)]
    if any(b.need is not Need.SPECULATIVE for b in left):
        assert not any(c.need is Need.SPECULATIVE for c in chosen)


@given(st.lists(batches, unique_by=lambda b: b.lane), st.integers(1, 4))
def test_the_same_question_gets_the_same_answer(offered, capacity):
    answers = [decide(0.0, list(offered), [], Costs(), capacity) for _ in range(2)]
    assert [id(b) for b in answers[0]] == [id(b) for b in answers[1]]


pieces = st.lists(st.tuples(st.integers(1, 10), st.integers(0, 40)), min_size=1, max_size=4)
"""Work of one lane each, as (cost, spare time) in units of 10 ms."""


@given(pieces)
def test_a_feasible_load_with_known_costs_is_never_later_than_its_longest_step(work):
    # Deadlines that some order can keep: each piece ends, one after the other, no later than its own. Only the order of
    # deadlines keeps them all; least slack may put one long step first, and is late by less than that.
    offered, costs, elapsed = [], Costs(), 0
    for lane, (cost, spare) in enumerate(work):
        elapsed += cost
        offered.append(batch(f"lane{lane}", elapsed + spare))
        costs[(f"lane{lane}.step", 1)] = cost
    now = 0.0
    late_at_most = max(cost for cost, _ in work)
    while offered:
        (chosen,) = decide(now, offered, [], costs, capacity=1)
        offered.remove(chosen)
        now += costs.predict(chosen.cost_key)
        assert now <= chosen.deadline + late_at_most
