"""The scenarios that come with voiceagent: the agent keeps to each of them, and one that does not is found out."""

import pytest

from voiceagent.evals import Run, evaluate, load_scenarios
from voiceagent.evals.files import shipped

NAMES = sorted(path.stem for path in shipped().glob("*.yaml"))
NEED_DETECTOR = {"slow-speaker", "spelled-number"}


def failures(*names, **how):
    return [failure for result in evaluate(load_scenarios(*names), Run(**how)) for failure in result.failures]


def test_there_are_ten_and_each_is_called_as_its_file_is():
    assert len(NAMES) == 10
    assert [written.scenario.name for written in load_scenarios()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_agent_keeps_to_it(name):
    assert failures(name) == []


def test_without_a_turn_detector_it_keeps_to_those_that_need_none():
    assert failures(*(name for name in NAMES if name not in NEED_DETECTOR), config="scripted.yaml") == []


@pytest.mark.parametrize(
    ("name", "sets", "failure"),
    [
        ("greeting", "session.greeting=", "The agent has not begun to speak within 90 s."),
        ("barge-in", "session.min_speech_ms=6000 session.interrupt_after_ms=6000", "agent_interrupted did not happen"),
        ("silence", "session.idle_s=0", "the agent did not answer"),
        ("tool-with-filler", "session.tool_filler_after_ms=3800", "came after 4,"),
        (
            "tool-with-filler",
            "session.tool_timeout_s=1",
            "the agent said 'Error: train did not answer within one second'",
        ),
        ("slow-speaker", "turn.max_wait_ms=300", "before the user had finished"),
        ("long-answer", "llm.max_tokens=40", "which does not contain 'eat it while it is hot'"),
    ],
)
def test_an_agent_that_does_otherwise_is_found_out(name, sets, failure):
    found = failures(name, sets=tuple(sets.split()))
    assert any(failure in one for one in found), found


def test_repetitions_vary_and_are_the_same_for_the_same_seed():
    def ends(seed):
        run = Run(repeat=3, seed=seed)
        return [result.record.end for result in evaluate(load_scenarios("slow-speaker"), run)]

    first = ends(1)
    assert first == ends(1)
    assert len(set(first)) == 3
    assert first[0] == ends(2)[0]
    assert first[1:] != ends(2)[1:]
