"""The policy: promises by their deadlines, then those who wait, guesses last; never more than there is room for."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.order_of_arrival import fifo
from voiceagent.engines.contract import PATIENCE_S, Batch, Need
from voiceagent.scheduler.policy import JOIN_MARGIN_S, NEGLIGIBLE_S, Running, decide

NEEDS = st.sampled_from(Need)


class Costs(dict):
    """Steps of 20 ms, never held up, and no slow-down, where nothing else is said."""

    def __init__(self, steps=None, slowdowns=None, least=None):
        super().__init__(steps or {})
        self.slowdowns = slowdowns or {}
        self.leasts = least or {}

    def predict(self, key):
        return self.get(key, 0.02)

    def least(self, key):
        return self.leasts.get(key, self.predict(key))

    def slowdown(self, lane, other):
        return self.slowdowns.get((lane, other), 1.0)


def batch(lane, deadline=1.0, need=Need.PROMISED, size=1, place=0, expected_joiners=0):
    return Batch(
        lane, (f"{lane}.step", size), deadline, (0,), None, need, place=place, expected_joiners=expected_joiners
    )


def running(*lanes, until=0.01):
    return [Running(batch(lane), until) for lane in lanes]


def started(decision):
    return [start.batch.lane for start in decision.start]


def choose(offered, under_way=(), costs=None, concurrency=1, off_device=()):
    return decide(0.0, offered, list(under_way), Costs() if costs is None else costs, concurrency, off_device)


def test_promises_go_in_the_order_of_their_deadlines():
    assert started(choose([batch("asr", 3.0), batch("llm", 1.0), batch("tts", 2.0)], concurrency=2)) == ["llm", "tts"]


def test_whoever_waits_goes_before_promises_that_can_still_be_kept_afterwards():
    offered = [batch("tts", 0.05), batch("llm", 0.0, Need.AWAITED)]
    assert started(choose(offered)) == ["llm"]


def test_whoever_waits_lets_a_promise_go_first_that_could_not_be_kept_afterwards():
    offered = [batch("tts", 0.03), batch("llm", 0.0, Need.AWAITED)]
    assert started(choose(offered)) == ["tts"]


def test_promises_are_reckoned_together():
    offered = [batch("asr", 0.07), batch("tts", 0.07), batch("llm", 0.0, Need.AWAITED), batch("turn", 0.07)]
    assert started(choose(offered)) == ["asr"]
    assert started(choose(offered, concurrency=2)) == ["llm", "asr"], "two rooms are enough for all"


def test_an_answer_that_has_broken_off_goes_before_one_that_has_yet_to_begin():
    assert started(choose([batch("tts", -0.5), batch("llm", -0.6, Need.AWAITED)])) == ["tts"]


def test_who_has_waited_longest_goes_first():
    offered = [batch("llm", -0.1, Need.AWAITED), batch("tts", -0.4, Need.AWAITED), batch("asr", 0.0, Need.AWAITED)]
    assert started(choose(offered, concurrency=2)) == ["tts", "llm"]


def test_running_steps_take_room():
    assert started(choose([batch("llm")], running("asr", "tts"), concurrency=2)) == []


def test_a_negligible_step_starts_whatever_runs():
    costs = Costs({("vad.step", 1): NEGLIGIBLE_S / 10})
    assert started(choose([batch("vad")], running("asr", "llm"), costs, concurrency=2)) == ["vad"]


def test_a_step_that_only_waits_long_for_its_threads_turn_is_negligible_still():
    key = ("vad.step", 1)
    costs = Costs({key: 3 * NEGLIGIBLE_S}, least={key: NEGLIGIBLE_S / 2})
    assert started(choose([batch("vad")], running("asr", "llm"), costs, concurrency=2)) == ["vad"]
    assert started(choose([batch("asr"), batch("llm")], running("vad"), costs, concurrency=2)) == ["asr", "llm"]


def test_speculation_goes_last_however_early_its_deadline():
    offered = [batch("llm", 0.0, Need.SPECULATIVE), batch("tts", 9.0), batch("asr", 8.0, Need.AWAITED)]
    assert started(choose(offered, concurrency=2)) == ["asr", "tts"]


def test_speculation_runs_on_a_single_core_when_it_is_free():
    assert started(choose([batch("llm", 0.0, Need.SPECULATIVE)])) == ["llm"]


def test_speculation_takes_no_time_from_a_promise_that_waits_for_company():
    waiting = batch("asr", 0.16, expected_joiners=3)
    assert started(choose([waiting, batch("llm", 0.0, Need.SPECULATIVE)])) == ["llm"]
    long = Costs({("llm.step", 1): 0.15})
    assert started(choose([waiting, batch("llm", 0.0, Need.SPECULATIVE)], costs=long)) == ["asr"]


def test_a_step_waits_for_company_as_long_as_its_slack_allows_and_then_goes():
    waiting = batch("asr", 0.16, expected_joiners=3)
    decision = choose([waiting])
    assert started(decision) == []
    latest = 0.16 - 0.02 - JOIN_MARGIN_S
    assert decision.again == latest
    assert started(decide(latest, [waiting], [], Costs(), 1)) == ["asr"]


def test_who_is_alone_waits_for_nobody():
    assert started(choose([batch("asr", 0.16)])) == ["asr"]


def test_nobody_in_silence_waits_for_company():
    assert started(choose([batch("asr", 0.16, Need.AWAITED, expected_joiners=3)])) == ["asr"]


def test_a_step_is_told_by_when_it_must_end_for_the_next_promise_to_be_kept():
    offered = [batch("tts", 0.5), batch("llm", 0.0, Need.AWAITED)]
    (start,) = choose(offered).start
    assert (start.batch.lane, start.by) == ("llm", 0.48)
    (alone,) = choose([batch("tts", 0.5)]).start
    assert alone.by == 0.5


def test_a_lane_of_another_device_neither_waits_nor_takes_room():
    assert started(choose([batch("turn"), batch("llm")], running("asr"), off_device={"turn"})) == ["turn"]
    assert started(choose([batch("llm")], running("turn"), off_device={"turn"})) == ["llm"]


def test_a_step_that_would_gain_nothing_beside_another_waits_for_it():
    costs = Costs(slowdowns={("llm", "asr"): 2.5})
    assert started(choose([batch("llm", need=Need.AWAITED)], running("asr"), costs, concurrency=2)) == []
    assert started(choose([batch("tts", need=Need.AWAITED)], running("asr"), costs, concurrency=2)) == ["tts"]


def test_a_short_step_shares_the_device_with_a_long_one_rather_than_wait_for_its_end():
    costs = Costs(slowdowns={("asr", "llm"): 2.0, ("llm", "asr"): 2.0})
    long = Running(batch("llm", need=Need.SPECULATIVE), 0.2)
    assert started(choose([batch("asr")], [long], costs, concurrency=2)) == ["asr"]


def test_a_step_that_slows_another_down_until_it_breaks_its_promise_waits():
    costs = Costs(slowdowns={("tts", "llm"): 1.5})
    tight = Running(batch("tts", 0.105), 0.1)
    assert started(choose([batch("llm", 5.0)], [tight], costs, concurrency=2)) == []
    assert started(choose([batch("llm", 5.0)], [Running(batch("tts", 0.2), 0.1)], costs, concurrency=2)) == ["llm"]


def test_a_guess_takes_less_from_those_who_are_waited_for_than_it_gains():
    awaited = Running(batch("tts", 0.0, Need.AWAITED), 0.1)
    guess = batch("llm", 1.0, Need.SPECULATIVE)
    for factor, lanes in ((1.5, ["llm"]), (7.0, [])):
        costs = Costs(slowdowns={("tts", "llm"): factor})
        assert started(choose([guess], [awaited], costs, concurrency=2)) == lanes


def test_work_in_the_background_takes_a_device_that_has_nothing_to_do_for_callers():
    program = batch("asr", -1.0, Need.BACKGROUND)
    assert started(choose([program])) == ["asr"]
    assert started(choose([program, batch("llm", 0.0, Need.SPECULATIVE)], concurrency=2)) == ["llm"]
    for need in (Need.PROMISED, Need.AWAITED, Need.SPECULATIVE):
        assert started(choose([program], [Running(batch("tts", 9.0, need), 0.1)], concurrency=2)) == []
    other = Running(batch("tts", 0.0, Need.BACKGROUND), 0.1)
    assert started(choose([program], [other], concurrency=2)) == ["asr"]
    soon = batch("asr", 9.0, expected_joiners=1)
    assert started(choose([soon, batch("tts", 0.0, Need.BACKGROUND)], concurrency=2)) == [], (
        "callers' work waits to join"
    )


def test_work_in_the_background_waits_for_a_while_and_then_as_a_caller_who_came_then():
    waited = batch("asr", -PATIENCE_S - 0.1, Need.BACKGROUND)
    assert started(choose([waited, batch("tts", 9.0), batch("llm", 0.0, Need.SPECULATIVE)])) == ["asr"]
    assert started(choose([waited, batch("llm", -0.2, Need.AWAITED)])) == ["llm"], "who has waited longer"
    assert started(choose([waited, batch("llm", 0.0, Need.AWAITED)])) == ["asr"]
    assert started(choose([waited, batch("tts", 0.03)])) == ["tts"], "a promise is not broken for it"


def test_first_in_first_out_knows_no_deadline():
    offered = [batch("tts", 0.0, place=7), batch("llm", 9.0, Need.SPECULATIVE, place=3)]
    assert started(fifo(0.0, offered, [], Costs(), concurrency=1)) == ["llm"]
    assert started(choose(offered)) == ["tts"]


batches = st.builds(
    batch,
    st.sampled_from(["asr", "llm", "tts", "vad", "turn"]),
    st.floats(-10, 10),
    NEEDS,
    size=st.integers(1, 4),
    expected_joiners=st.integers(0, 2),
)
offers = st.lists(batches, unique_by=lambda b: b.lane)


@given(offers, st.integers(0, 3), st.integers(1, 4))
def test_never_more_than_there_is_room_for_and_nothing_that_was_not_offered(offered, busy, concurrency):
    chosen = [
        start.batch for start in choose(offered, running(*(f"other{n}" for n in range(busy))), None, concurrency).start
    ]
    assert len({b.lane for b in chosen}) == len(chosen)
    assert all(any((b.lane, b.cost_key) == (o.lane, o.cost_key) for o in offered) for b in chosen)
    assert len(chosen) <= max(0, concurrency - busy)


@given(st.lists(batches, unique_by=lambda b: b.lane, min_size=1), st.integers(1, 4))
def test_an_idle_device_starts_something_or_says_when_it_will(offered, concurrency):
    decision = choose(offered, concurrency=concurrency)
    assert decision.start or decision.again > 0.0


@given(offers, st.integers(1, 4))
def test_nobody_waits_behind_a_guess(offered, concurrency):
    chosen = [start.batch for start in choose(offered, concurrency=concurrency).start]
    left = [b for b in offered if all(b.lane != c.lane for c in chosen) and not b.expected_joiners]
    if any(b.need in (Need.PROMISED, Need.AWAITED) for b in left):
        assert not any(c.need in (Need.SPECULATIVE, Need.BACKGROUND) for c in chosen)
    if any(b.need is Need.SPECULATIVE for b in left):
        assert not any(c.need is Need.BACKGROUND for c in chosen)


@given(offers, st.integers(1, 4))
def test_the_same_question_gets_the_same_answer(offered, concurrency):
    answers = [choose(list(offered), concurrency=concurrency) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0] == choose(list(reversed(offered)), concurrency=concurrency) or ties(offered)


def ties(offered):
    """Tell whether two could go first."""
    return len({(b.need, b.deadline) for b in offered}) < len(offered)


pieces = st.lists(st.tuples(st.integers(1, 10), st.integers(0, 40)), min_size=1, max_size=5)
"""Work of one lane each, as (cost, spare time) in units of 10 ms."""


@given(pieces, st.lists(st.tuples(st.integers(1, 10), st.sampled_from([Need.AWAITED, Need.SPECULATIVE])), max_size=3))
def test_with_known_costs_every_promise_that_can_be_kept_is_kept_and_everything_gets_its_turn(promises, others):
    # Deadlines that some order can keep: each piece ends, one after the other, no later than its own.
    offered, costs, elapsed = [], Costs(), 0
    for lane, (cost, spare) in enumerate(promises):
        elapsed += cost
        offered.append(batch(f"lane{lane}", elapsed + spare))
        costs[(f"lane{lane}.step", 1)] = cost
    for lane, (cost, need) in enumerate(others):
        offered.append(batch(f"other{lane}", 0.0, need))
        costs[(f"other{lane}.step", 1)] = cost
    now = 0.0
    while offered:
        (start,) = decide(now, offered, [], costs, concurrency=1).start
        offered.remove(start.batch)
        now += costs.predict(start.batch.cost_key)
        assert start.batch.need is not Need.PROMISED or now <= start.batch.deadline
