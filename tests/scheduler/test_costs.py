"""The cost model learns from steps, alone and beside others."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.scheduler.costs import UNKNOWN_S, CostModel
from voiceagent.scheduler.window import ENOUGH, HISTORY

STEP = ("llm.step", 1)
costs_s = st.floats(1e-5, 10.0)
sizes = st.integers(0, 512)


def knowing(**seconds: float) -> CostModel:
    """Return a model that knows `llm.step` of size n to take `n4=` seconds, for example."""
    return CostModel({("llm.step", int(size[1:])): [cost] for size, cost in seconds.items()})


def learned(seconds: float, steps: int = ENOUGH) -> CostModel:
    model = CostModel()
    for _ in range(steps):
        model.observe(STEP, seconds)
    return model


def test_a_kind_never_seen_is_predicted_with_caution() -> None:
    assert CostModel().predict(STEP) == UNKNOWN_S


def test_predictions_are_an_upper_quartile_of_what_was_seen() -> None:
    model = CostModel({STEP: [n / 1000 for n in range(1, 42)]})
    assert model.predict(STEP) == model.quantile(STEP, 0.75) == 0.031
    assert model.quantile(STEP, 0.5) == 0.021


def test_clocks_that_change_are_followed_within_a_handful_of_steps() -> None:
    model = learned(0.010, HISTORY)
    for level in (0.020, 0.005, 0.010):
        for _ in range(ENOUGH):
            model.observe(STEP, level)
        assert model.predict(STEP) == level


def test_what_was_seeded_is_overruled_by_what_happens() -> None:
    model = CostModel({STEP: [0.010] * 9})
    for _ in range(ENOUGH):
        model.observe(STEP, 0.004)
    assert model.predict(STEP) == 0.004


def test_a_size_between_two_known_ones_is_interpolated() -> None:
    assert knowing(n1=0.010, n5=0.030).predict(("llm.step", 2)) == pytest.approx(0.015)


def test_a_size_below_all_known_ones_is_not_taken_for_cheaper() -> None:
    assert knowing(n4=0.010, n8=0.020).predict(("llm.step", 1)) == 0.010


def test_a_size_beyond_all_known_ones_costs_what_the_growth_so_far_promises() -> None:
    assert knowing(n1=0.010, n8=0.017).predict(("llm.step", 18)) == pytest.approx(0.027)


def test_beyond_one_known_size_the_cost_is_taken_to_grow_like_the_size() -> None:
    assert knowing(n4=0.010).predict(("llm.step", 8)) == pytest.approx(0.020)
    assert knowing(n0=0.010).predict(("llm.step", 2)) == pytest.approx(0.030)


def test_other_kinds_teach_nothing() -> None:
    assert CostModel({("tts.sound", 1): [0.5]}).predict(STEP) == UNKNOWN_S


@given(st.dictionaries(sizes, costs_s, min_size=1, max_size=8), sizes, sizes, st.floats(0, 1))
def test_where_known_sizes_cost_more_the_larger_they_are_so_do_all(
    known: dict[int, float], one: int, other: int, q: float
) -> None:
    rising = dict(zip(sorted(known), sorted(known.values()), strict=True))
    model = CostModel({("llm.step", size): [cost] for size, cost in rising.items()})
    small, large = (model.quantile(("llm.step", size), q) for size in sorted((one, other)))
    assert 0 < small <= large * (1 + 1e-9)


@given(st.dictionaries(sizes, costs_s, min_size=1, max_size=8), sizes)
def test_no_size_costs_less_than_the_cheapest_nor_grows_faster_than_itself(known: dict[int, float], size: int) -> None:
    predicted = CostModel({("llm.step", n): [cost] for n, cost in known.items()}).predict(("llm.step", size))
    assert predicted >= min(known.values()) * (1 - 1e-9)
    assert predicted <= max(known.values()) * max(1, (size + 1) / max(1, max(known))) * (1 + 1e-9)


@given(st.lists(st.tuples(costs_s, st.dictionaries(st.sampled_from(["asr", "tts", "vad"]), st.floats(0, 20)))))
def test_whatever_is_observed_costs_stay_positive_and_slowdowns_at_least_1(
    steps: list[tuple[float, dict[str, float]]],
) -> None:
    model = CostModel()
    for seconds, overlap in steps:
        model.observe(STEP, seconds, overlap)
        assert model.predict(STEP) > 0
        assert model.slowdown("llm", "asr") >= 1


def test_lanes_are_not_taken_to_slow_each_other_before_it_is_known() -> None:
    assert CostModel().slowdown("llm", "asr") == 1.0


def test_what_runs_beside_a_step_all_the_time_shows_how_much_it_slows_it() -> None:
    model = learned(0.010)
    for _ in range(ENOUGH):
        model.observe(STEP, 0.018, {"asr": 0.018})
    assert model.slowdown("llm", "asr") == pytest.approx(1.8)
    assert model.slowdown("asr", "llm") == 1.0
    assert model.predict(STEP) == 0.010, "the step's own cost has not changed"


def test_the_part_of_the_time_that_it_ran_alone_is_taken_out() -> None:
    model = learned(0.010)
    for _ in range(ENOUGH):
        model.observe(STEP, 0.001 + 0.009 * 3, {"asr": 0.009 * 3})
    assert model.slowdown("llm", "asr") == pytest.approx(3.0)


def test_one_slow_step_beside_another_lane_proves_nothing() -> None:
    model = learned(0.010)
    model.observe(STEP, 0.100, {"asr": 0.100})
    assert model.slowdown("llm", "asr") == 1.0


@pytest.mark.parametrize("overlap", [{"asr": 0.010}, {"asr": 0.020, "tts": 0.020}])
def test_half_a_neighbour_or_two_at_once_teach_nothing(overlap: dict[str, float]) -> None:
    model = learned(0.010)
    for _ in range(2 * ENOUGH):
        model.observe(STEP, 0.020, overlap)
    assert model.slowdown("llm", "asr") == 1.0
    assert model.predict(STEP) == 0.010


def test_a_neighbour_of_a_moment_does_not_count() -> None:
    model = learned(0.010)
    for _ in range(ENOUGH):
        model.observe(STEP, 0.020, {"vad": 0.0003})
    assert model.predict(STEP) == 0.020


def test_lanes_never_make_each_other_faster() -> None:
    model = learned(0.010)
    for _ in range(ENOUGH):
        model.observe(STEP, 0.009, {"asr": 0.009})
    assert model.slowdown("llm", "asr") == 1.0


def test_a_seeded_slowdown_holds_until_the_lanes_prove_otherwise() -> None:
    model = CostModel({STEP: [0.010] * ENOUGH}, {("llm", "asr"): 1.5})
    assert model.slowdown("llm", "asr") == 1.5
    for _ in range(ENOUGH):
        model.observe(STEP, 0.030, {"asr": 0.030})
    assert model.slowdown("llm", "asr") == pytest.approx(3.0)


def test_a_step_that_never_ran_alone_is_predicted_from_those_beside_others_at_the_known_slowdown() -> None:
    model = CostModel(slowdowns={("llm", "asr"): 2.0})
    model.observe(STEP, 0.020, {"asr": 0.020})
    assert model.predict(STEP) == pytest.approx(0.010)


def test_and_from_those_that_ran_alone_as_soon_as_there_are_some() -> None:
    model = CostModel()
    for _ in range(HISTORY):
        model.observe(STEP, 0.020, {"asr": 0.020})
    assert model.predict(STEP) == 0.020
    for _ in range(ENOUGH):
        model.observe(STEP, 0.010)
        model.observe(STEP, 0.020, {"asr": 0.020})
    for _ in range(ENOUGH):
        model.observe(STEP, 0.010)
    assert model.predict(STEP) == 0.010


def test_a_step_without_a_duration_is_one_like_any_other() -> None:
    model = CostModel()
    model.observe(STEP, 0.0, {"asr": 0.1})
    assert model.predict(STEP) == 0.0


def test_predictions_between_sizes_follow_the_sizes_that_change() -> None:
    model = knowing(n1=0.010, n3=0.020)
    between = [model.predict(("llm.step", 2))]
    for _ in range(3):
        for _ in range(ENOUGH):
            model.observe(("llm.step", 3), model.predict(("llm.step", 3)) * 2)
        between.append(model.predict(("llm.step", 2)))
    assert all(later > earlier for earlier, later in pairwise(between))


def test_a_device_that_does_what_is_foreseen_is_not_slow() -> None:
    model = learned(0.010)
    assert model.slowness == 1.0
    for _ in range(ENOUGH):
        model.observe(STEP, 0.018, {"asr": 0.018})
    for _ in range(400):
        model.observe(STEP, 0.018, {"asr": 0.018})
        model.observe(STEP, 0.010)
    assert model.slowness == pytest.approx(1.0, abs=0.01), "what the other lane does is foreseen"


def test_what_slows_every_step_shows_though_none_runs_alone() -> None:
    model = learned(0.010)
    for _ in range(3000):
        model.observe(STEP, 0.025, {"asr": 0.010, "tts": 0.010})
    assert model.predict(STEP) == 0.010
    assert model.slowness == pytest.approx(2.5, abs=0.01)
    for _ in range(3000):
        model.observe(STEP, 0.010, {"asr": 0.004, "tts": 0.004})
    assert model.slowness == pytest.approx(1.0, abs=0.01), "and is forgotten"


def test_steps_that_vary_as_they_always_did_are_not_slow() -> None:
    model = CostModel()
    for _ in range(HISTORY):
        model.observe(STEP, 0.010)
        model.observe(STEP, 0.010)
        model.observe(STEP, 0.012)
    assert model.slowness == pytest.approx(1.0, abs=0.02)


def test_neither_a_step_that_hung_nor_one_of_a_moment_makes_a_device_slow() -> None:
    model = learned(0.010, 1000)
    model.observe(STEP, 60.0)
    assert model.slowness < 1.1
    for _ in range(ENOUGH):
        model.observe(("vad.frame", 1), 0.0001)
    for _ in range(1000):
        model.observe(("vad.frame", 1), 0.005, {"llm": 0.005, "tts": 0.001})
    assert model.slowness < 1.1


def test_what_a_step_takes_at_least_is_known_beside_what_it_is_expected_to_take() -> None:
    model = CostModel({STEP: [0.001] * 16 + [0.004] * 48})
    assert (model.least(STEP), model.predict(STEP)) == (0.001, 0.004)


def test_a_copy_of_slower_steps_predicts_them() -> None:
    model = learned(0.010, HISTORY)
    assert model.copy(2.5).predict(STEP) == pytest.approx(0.025)
    assert model.predict(STEP) == 0.010


def test_a_copy_predicts_the_same_and_learns_on_its_own() -> None:
    model = learned(0.010, HISTORY)
    model.observe(STEP, 0.020, {"tts": 0.020})
    copy = model.copy()
    assert copy.predict(STEP) == model.predict(STEP)
    for _ in range(ENOUGH):
        copy.observe(STEP, 0.050)
    assert (model.predict(STEP), copy.predict(STEP)) == (0.010, 0.050)
    assert copy.knows("llm.step")
    assert not copy.knows("tts.decode")
