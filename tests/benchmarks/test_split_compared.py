"""The benchmark of a split: both servers are asked the same, in turn, and a call that is lost is made again."""

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import count

import numpy as np
import pytest

from benchmarks import form, split
from benchmarks.corpus import Clip
from benchmarks.split import APART, TOGETHER, converse, show, summarise
from benchmarks.tables import PAGE, RESULTS
from voiceagent.testing.webrtc.line import CallerError

CLIPS = [Clip(str(number), f"question {number}", np.zeros(160, np.float32)) for number in range(3)]
SERVERS = {TOGETHER: "http://one", APART: "http://two"}
TRACE = {
    "voice_to_voice_ms": 550.0,
    "spans": [{"name": "silence", "start_ms": 0.0, "end_ms": 200.0}],
}


def sample(server, clip, v2v_ms, understood="yes", errors=0):
    heard_at = None if v2v_ms is None else 1.0
    words = {"understood": understood, "errors": errors, "words": 4}
    return {"server": server, "clip": clip, "v2v_ms": v2v_ms, "heard_at": heard_at, "trace": TRACE, **words}


@pytest.fixture
def calls(monkeypatch):
    """The calls that were begun, as (number, address), and what was asked in which; the second question breaks one."""
    made, asked, numbers = [], [], count()

    @asynccontextmanager
    async def call(url):
        number = next(numbers)
        made.append((number, url))
        try:
            yield number
        finally:
            made.append((number, "over"))

    async def ask(line, clip, *, whole):
        asked.append((line, clip.name))
        if clip.name == "1" and line == 1:
            raise CallerError("The call is over.")
        return {"clip": clip.name, "v2v_ms": 1.0, "reply": ""}, None

    monkeypatch.setattr(split, "Caller", call)
    monkeypatch.setattr(split.conversations, "ask", ask)
    return made, asked


def test_each_question_goes_to_both_in_turn_in_one_call_each_and_a_lost_call_is_made_again(calls):
    made, asked = calls
    samples = {"questions": [], "errors": []}
    asyncio.run(converse(SERVERS, CLIPS, samples, None))
    assert asked == [(0, "0"), (1, "0"), (1, "1"), (0, "1"), (0, "2"), (2, "2")]
    assert made[:4] == [(0, "http://one"), (1, "http://two"), (1, "over"), (2, "http://two")]
    assert sorted(made[4:]) == [(0, "over"), (2, "over")]
    assert [(q["server"], q["clip"]) for q in samples["questions"]] == [
        *((TOGETHER, "0"), (APART, "0")),
        (TOGETHER, "1"),
        *((TOGETHER, "2"), (APART, "2")),
    ]
    assert samples["errors"] == [{"server": APART, "clip": "1", "error": "The call is over."}]


def test_what_was_measured_before_the_time_is_up_counts(monkeypatch, calls):
    async def ask(line, clip, *, whole):
        if clip.name == "1":
            await asyncio.Event().wait()
        return {"clip": clip.name, "v2v_ms": 1.0, "reply": ""}, None

    monkeypatch.setattr(split.conversations, "ask", ask)
    samples = {"questions": [], "errors": []}
    asyncio.run(converse(SERVERS, CLIPS, samples, 0.05))
    assert [q["clip"] for q in samples["questions"]] == ["0", "0"]
    assert len(calls[0]) == 4, "both calls were ended"


SAMPLES = {
    "questions": [
        *(sample(TOGETHER, clip, ms) for clip, ms in (("a", 500.0), ("b", 600.0), ("c", 700.0))),
        *(sample(APART, clip, ms) for clip, ms in (("a", 520.0), ("b", 690.0), ("d", 800.0))),
        sample(APART, "c", None, "no", errors=2),
    ],
    "errors": [],
}


def test_the_split_is_compared_with_one_process_question_by_question():
    summary = summarise(SAMPLES)
    assert (summary["v2v_ms_p50_one_process"], summary["v2v_ms_p50_split"]) == (600.0, 690.0)
    assert summary["v2v_ratio_split"] == 1.15
    assert summary["added_ms_p50"] == 55.0, "of the two questions that both answered"
    assert (summary["question_count_split"], summary["no_answer_count_split"]) == (4, 1)
    assert summary["no_answer_count_one_process"] == 0
    assert summary["understood_differently_count"] == 1
    assert summary["wer_percent_split"] == 12.5


def test_nothing_is_compared_with_what_was_not_measured():
    summary = summarise({"questions": [sample(TOGETHER, "a", 500.0)], "errors": [{}]})
    assert (summary["v2v_ratio_split"], summary["added_ms_p50"], summary["v2v_ms_p90_split"]) == (None, None, None)
    assert summary["error_count"] == 1


def test_the_page_says_what_the_other_run_came_to():
    other = json.loads((RESULTS / "split_busy.json").read_text(encoding="utf-8"))["summary"]
    assert f"came to {other['added_ms_p50']:+.0f} ms" in PAGE.read_text(encoding="utf-8")


def test_the_stages_of_the_wait_are_shown_for_each():
    report = form.Report("split", "python -m benchmarks.split", samples=SAMPLES, summary=summarise(SAMPLES))
    shown = show(report)
    assert "one_process, stage, median ms" in shown
    assert "split, stage, median ms" in shown
    assert shown.count("silence") == 2
    assert "MISSED" in shown, "one was not answered"
