from pathlib import Path
from typing import Any

import pytest

from benchmarks import form
from benchmarks.dummies.gguf_model import write
from benchmarks.dummies.gguf_shape import Kind
from benchmarks.llm_peers import Reply, Terms
from benchmarks.llm_sequences import TARGETS, decode, second_turn, show, summarise, talk, total


def reply(*times: float, asked: float = 0.0) -> Reply:
    return Reply(asked, list(times))


def test_the_total_counts_from_the_asking_to_the_last_token() -> None:
    assert total([reply(1.0, 2.0), reply(3.0, 4.0)]) == 1.0


def test_decoding_is_measured_while_all_are_answered_or_each_alone() -> None:
    side_by_side = [reply(1.0, 2.0, 3.0, 4.0), reply(2.0, 2.5, 3.0)]
    assert decode(side_by_side, one_by_one=False) == 3.0
    assert decode([reply(1.0, 2.0, 3.0), reply(5.0, 5.5, 6.0)], one_by_one=True) == round(4 / 3, 2)
    assert decode([reply(1.0)], one_by_one=False) is None


def samples() -> dict[str, list[Any]]:
    speeds = {("a", 1): (50, 40), ("a", 4): (60, 45), ("b", 1): (30, 30), ("b", 4): (80, 30)}
    sessions = [
        {"weights": weights, "sessions": number, "side": side, "total": speed, "decode": speed}
        for (weights, number), pair in speeds.items()
        for side, speed in zip(("ours", "theirs"), pair, strict=True)
    ]
    turns = [
        {"weights": "b", "side": side, "read_tokens": read, "first_token_ms": ms, "segment_ms": 2 * ms}
        for side, ms, read in (("ours", 100.0, 12), ("kept", 110.0, None), ("anew", 5000.0, None))
    ]
    return {"sessions": sessions, "second_turn": turns}


def test_the_headline_takes_the_weights_that_serve_four_best_and_tells_the_other_sides_best() -> None:
    summary = summarise(samples(), 1500)
    assert summary["total_speed_vs_sequential_4"] == round(80 / 30, 2)
    assert summary["total_speed_vs_best_sequential_4"] == round(80 / 45, 2)
    assert summary["second_turn_ttft_gain_1500"] == 50.0
    assert summary["first_segment_ms"] == 200.0
    assert summary["second_turn_read_tokens"] == 12
    assert summary["total_speed_16_vs_1"] is None


def test_the_table_says_whether_the_bars_are_met() -> None:
    report = form.Report("llm_sequences", "", samples=samples(), summary=summarise(samples(), 1500))
    assert show(report, TARGETS).count("met") == 2


@pytest.mark.parametrize("kind", ["plain", "hybrid"])
def test_both_sides_are_measured(kind: Kind, tmp_path: Path) -> None:
    path = write(tmp_path / "dummy.gguf", kind, seed=1)
    measured = talk("dummy", Terms(path, 1, 0, 2, 512, 4, 24), rounds=1)
    assert [(sample["side"], sample["sessions"]) for sample in measured] == [("ours", 2), ("theirs", 2)]
    turns = second_turn("dummy", Terms(path, 1, 0, 1, 1500, 4, 24), tokens=400, rounds=2)
    assert [sample["side"] for sample in turns] == ["ours", "anew", "kept"] * 2
    assert turns[0]["read_tokens"] < 150
    assert all(sample["first_token_ms"] > 0 for sample in turns)
