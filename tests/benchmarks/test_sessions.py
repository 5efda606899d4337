"""The sessions benchmark: what it makes of what callers and server saw, without either."""

from counted import a_level, a_question

from benchmarks.sessions import summarise


def test_two_callers_are_compared_with_one():
    summary = summarise([a_level(1, [500.0] * 3), a_level(2, [750.0] * 3, loop_lag_ms_p99=7.0, underruns=1)])
    assert summary["v2v_p95_ratio_2_vs_1"] == 1.5
    assert summary["mid_response_silences"] == 1
    assert summary["loop_lag_ms_p99"] == 7.0
    assert summary["cpu_percent_per_session_2"] == 25.0


def test_what_more_than_two_callers_suffer_is_shown_and_not_held_against_the_targets():
    crowded = a_level(4, [3000.0], admitted=3, late_packets=9, loop_lag_ms_p99=80.0)
    summary = summarise([a_level(1, [500.0]), crowded])
    assert summary["mid_response_silences"] == 0
    assert summary["mid_response_silences_4"] == 9
    assert summary["loop_lag_ms_p99"] == 4.0
    assert summary["callers_admitted"] == 3
    assert summary["callers_answered"] == 1
    assert summary["v2v_p95_ratio_2_vs_1"] is None


def test_the_gpu_is_told_of_where_there_is_one():
    summary = summarise([a_level(1, [500.0]), a_level(2, [500.0], gpu_percent=41.5, gpu_memory_mib=9000.0)])
    assert (summary["gpu_percent_1"], summary["gpu_memory_mib_1"]) == (None, None)
    assert (summary["gpu_percent_2"], summary["gpu_memory_mib_2"]) == (41.5, 9000.0)


def test_a_question_without_an_answer_is_counted_and_has_no_time():
    silent = a_level(1, [500.0])
    silent["questions"].append(a_question(None, outcome=None))
    summary = summarise([silent])
    assert (summary["no_answer_count_1"], summary["v2v_ms_p95_1"]) == (1, 500.0)


def test_nothing_measured_is_no_number():
    summary = summarise([])
    assert summary["v2v_p95_ratio_2_vs_1"] is None
    assert summary["loop_lag_ms_p99"] is None
    assert summary["mid_response_silences"] is None
