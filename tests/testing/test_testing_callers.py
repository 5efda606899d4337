"""Several callers of one agent: they share what a server's callers share, and nothing else."""

import asyncio
from itertools import combinations

from voiceagent.engines.timing import CostTable
from voiceagent.testing import Callers, run_virtual

QUIET = ("session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn")
STEPS = ("vad.frame", "asr.partial", "asr.final", "turn.predict", "llm.prefill", "llm.decode", "tts.segment")
BATCHES = CostTable({kind: {1: 0.01, 8: 0.012} for kind in STEPS})


def ask(questions, *, frame_s=0.02, **device):
    """Have each question asked at once by a caller of its own; return the callers and what they shared."""

    async def main():
        with Callers("scripted.yaml", QUIET, frame_s=frame_s, **device) as callers:
            people = [callers.call() for _ in questions]
            talks = [person.says(question) for person, question in zip(people, questions, strict=True)]
            await asyncio.gather(*talks)
        return people, callers

    return run_virtual(main())


def together(steps, *lanes):
    """Tell whether steps of two of some lanes ever ran at the same time."""
    pairs = combinations([step for step in steps if step.lane in lanes], 2)
    return any(a.lane != b.lane and a.start < b.end and b.start < a.end for a, b in pairs)


def test_everybody_is_answered_with_their_own_words():
    questions = ["how deep is the sea", "who are you", "what is the time in this city at the moment, please?"]
    people, _ = ask(questions)
    for person, question in zip(people, questions, strict=True):
        assert [turn.user_text for turn in person.turns] == [question]
        assert question.rstrip("?") in person.heard


def test_callers_wait_for_each_other_where_steps_take_turns():
    alone, _ = ask(["how deep is the sea"])
    crowd, _ = ask(["how deep is the sea"] * 4)
    assert max(person.ear.waits_s[0] for person in crowd) > alone[0].ear.waits_s[0]


def test_a_table_of_batches_lets_callers_share_steps():
    _, apart = ask(["how deep is the sea"] * 3)
    _, shared = ask(["how deep is the sea"] * 3, costs=BATCHES, concurrency=1)
    assert max(len(step.streams) for step in apart.steps.since(0.0)) == 1
    assert max(len(step.streams) for step in shared.steps.since(0.0)) == 3


def test_a_device_runs_as_many_steps_at_once_as_it_is_said_to():
    questions = ["how deep is the sea"] * 3
    _, one = ask(questions, concurrency=1)
    _, three = ask(questions, concurrency=3)
    assert not together(one.steps.since(0.0), "llm", "tts", "asr")
    assert together(three.steps.since(0.0), "llm", "tts", "asr")


def test_lanes_on_another_device_run_besides():
    _, callers = ask(["how deep is the sea"] * 3, concurrency=1, off_device={"turn", "vad"})
    steps = callers.steps.since(0.0)
    assert together(steps, "turn", "llm", "asr", "tts")
    assert not together(steps, "llm", "tts", "asr")


def test_coarser_frames_give_the_same_conversation():
    (fine,), _ = ask(["how deep is the sea"])
    (coarse,), _ = ask(["how deep is the sea"], frame_s=0.06)
    assert coarse.heard == fine.heard
    assert abs(coarse.turns[0].voice_to_voice_ms - fine.turns[0].voice_to_voice_ms) <= 120


def test_a_step_may_take_what_a_test_wants_it_to():
    def step_s(batch):
        return 1.0 if batch.lane == "llm" else 0.001

    (person,), _ = ask(["how deep is the sea"], step_s=step_s)
    assert person.ear.waits_s[0] > 2.0


def test_the_same_conversation_takes_the_same_course_twice():
    first, again = (ask(["how deep is the sea", "who are you"])[0] for _ in range(2))
    assert [person.reports for person in first] == [person.reports for person in again]


def test_everybody_hears_of_their_own_reports_as_they_come():
    async def main():
        with Callers("scripted.yaml", QUIET) as callers:
            told = []
            watched = callers.call("watched", on_report=told.append)
            other = callers.call(connected=False)
            await watched.says("hello")
            assert told == [reported.report for reported in watched.reports]
            assert watched.session.id == "watched"
            assert other.reports == []

    run_virtual(main())
