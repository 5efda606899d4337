"""A judge is asked what rules cannot tell, and told the conversation up to there."""

import asyncio

import pytest

from voiceagent.app.agent import Agent
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError
from voiceagent.evals.judge import AgentJudge, EndpointJudge, Verdict, judged, read
from voiceagent.evals.record import Did, Record, Response
from voiceagent.evals.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "x",
        "turns": [{"user": "Hi.", "expect": {"says": {}, "judged": "It is polite."}}, {"user": "Bye."}],
        "judged": ["It is short."],
    }
)
RECORD = Record(
    events=[
        Did(0.1, "says", "Hi.", 0, 0.5),
        Response(1.0, 1, words=["Hello!"], heard=1, outcome="completed", end=2.0),
        Did(3.0, "says", "Bye.", 1, 3.5),
        Response(4.0, 2, words=["Farewell!"], heard=1, outcome="completed", end=5.0),
    ],
    sounds=[(1.0, 2.0), (4.0, 5.0)],
    turns=[0.1, 3.0],
)


class Strict:
    def __init__(self):
        self.asked = []

    async def verdict(self, criterion, conversation):
        self.asked.append((criterion, conversation))
        return Verdict("polite" in criterion, "it is long")


def test_each_criterion_is_judged_at_its_place():
    judge = Strict()
    findings = asyncio.run(judged(SCENARIO, RECORD, judge))
    assert [(finding.loc, finding.failure) for finding in findings] == [
        (("turns", 0, "expect", 0, "judged"), None),
        (("judged", 0), "'It is short.' is not met: it is long"),
    ]
    assert judge.asked == [
        ("It is polite.", "user: Hi.\nagent: Hello!"),
        ("It is short.", "user: Hi.\nagent: Hello!\nuser: Bye.\nagent: Farewell!"),
    ]


def test_without_a_judge_nothing_is_decided():
    findings = asyncio.run(judged(SCENARIO, RECORD, None))
    assert [finding.failure for finding in findings] == [None, None]
    assert all("give a --judge" in finding.note for finding in findings)


@pytest.mark.parametrize(
    ("words", "met"),
    [("Yes.", True), (' "yes", it is', True), ("No, it shouts.", False), ("", False), ("Perhaps", False)],
)
def test_a_verdict_is_its_first_word(words, met):
    assert read(words).met is met


def test_an_endpoint_that_is_not_there_says_what_to_check():
    with pytest.raises(
        VoiceAgentError, match=r"The judge at http://127\.0\.0\.1:9/v1/chat/completions gave no verdict"
    ):
        asyncio.run(EndpointJudge("http://127.0.0.1:9/v1", "m").verdict("a", "b"))


def test_the_agents_own_model_judges():
    asked = []

    def reply(messages):
        asked.append(messages[-1].content)
        return "No, it is rude." if "polite" in messages[-1].content else "Yes."

    async def main():
        async with Agent("scripted.yaml", llm=ScriptedLlm(reply)) as agent:
            return await judged(SCENARIO, RECORD, AgentJudge(agent))

    polite, short = asyncio.run(main())
    assert polite.failure == "'It is polite.' is not met: No, it is rude."
    assert short.failure is None
    assert "agent: Hello!" in asked[0]
