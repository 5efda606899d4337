"""When all of a response is written, those who watch are told so, once, while most of it is still to be heard."""

from test_conversation import LONG_REPLY, REAL, outcomes, rehearse
from tool_talk import WEATHER, slow_tool
from tool_talk import rehearse as rehearse_tools

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reports import ResponseEnded, SegmentAnnounced, TextCompleted, ToolUsed, WordHeard

STEPS = SegmentAnnounced | TextCompleted | WordHeard | ToolUsed | ResponseEnded


def told(talk):
    return [reported.report for reported in talk.reports]


def steps(talk):
    """Return the names of what was reported, each run of the same as one."""
    names = [type(report).__name__ for report in told(talk) if isinstance(report, STEPS)]
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


def test_it_comes_after_the_last_words_are_announced_and_before_most_are_heard():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(12.0)
        assert outcomes(talk) == ["completed"]
        (done,) = talk.of(TextCompleted)
        (end,) = talk.of(ResponseEnded)
        assert done.generation == end.generation
        before = told(talk)[: told(talk).index(done)]
        announced = [report for report in before if isinstance(report, SegmentAnnounced)]
        assert announced == talk.of(SegmentAnnounced)
        heard = [report for report in before if isinstance(report, WordHeard)]
        assert len(heard) < end.heard_words / 2

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_what_was_prepared_is_told_of_once_it_is_released():
    async def scene(talk):
        talk.session.say("Welcome back.")
        await talk.listens(4.0)
        assert steps(talk)[:3] == ["SegmentAnnounced", "TextCompleted", "WordHeard"]

    rehearse(scene)


def test_a_call_of_a_tool_completes_nothing():
    async def scene(talk):
        talk.session.type("the weather in Rome")
        await talk.listens(8.0)
        assert steps(talk)[:3] == ["ToolUsed", "SegmentAnnounced", "TextCompleted"]
        assert len(talk.of(TextCompleted)) == 1

    def model(messages):
        return WEATHER if messages[-1].role == "user" else f"It is {messages[-1].content}."

    rehearse_tools(scene, model, slow_tool(0.2))
