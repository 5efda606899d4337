"""Tools in a conversation: what the model and the user get of them, and what is written down."""

import json

import pytest
from tool_talk import WEATHER, Model, ask, called, outcomes, rehearse, slow_tool, well_formed

from voiceagent.engines.llm.contract import Message
from voiceagent.session.reports import ToolUsed, TurnTraced


def test_a_tool_is_called_and_its_result_is_spoken_of():
    async def scene(talk):
        await ask(talk)
        assert talk.said == "It is sunny in Rome."
        assert outcomes(talk) == ["completed"]
        assert [(used.name, used.running) for used in talk.of(ToolUsed)] == [
            ("weather", True),
            ("weather", False),
        ]

    rehearse(scene, Model(), slow_tool(0.1))


def test_the_turns_record_says_which_tool_took_how_long():
    async def scene(talk):
        await ask(talk)
        trace = talk.turns[0].to_json()
        assert trace["tools"] == [{"tool": "weather", "ms": 500.0, "outcome": "done"}]
        span = next(span for span in trace["spans"] if span["name"] == "tool weather")
        assert span["end_ms"] - span["start_ms"] == pytest.approx(500)
        assert talk.of(TurnTraced)[0].trace.stages()["tools"] == trace["tools"]

    rehearse(scene, Model(), slow_tool(0.5))


def test_the_model_is_told_of_the_tools_with_the_system_prompt():
    model = Model()

    async def scene(talk):
        await ask(talk)
        (spec,) = model.prompts[0][0].tools
        assert (spec.name, spec.description) == ("weather", "Look up the weather.")

    rehearse(scene, model, slow_tool(0.1))


def test_words_before_a_call_are_spoken_while_the_tool_runs():
    model = Model(f"Let me see. {WEATHER} It rains.")

    async def scene(talk):
        await ask(talk)
        assert talk.said == "Let me see. It is sunny in Rome."
        call_made, result = model.prompts[-1][-2:]
        assert call_made.content == "Let me see."
        assert result == Message("tool", "sunny in Rome", call_id=call_made.calls[0].id)

    rehearse(scene, model, slow_tool(2.0))


def test_the_next_turn_knows_the_call_and_its_result():
    model = Model()

    async def scene(talk):
        await ask(talk)
        await ask(talk)
        assert well_formed(model.prompts[-1])
        roles = [message.role for message in model.prompts[-1]]
        assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
        assert model.prompts[-1][4].content == "It is sunny in Rome."

    rehearse(scene, model, slow_tool(0.1))


def test_calls_of_one_reply_run_side_by_side():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.6)
        assert talk.said.startswith("It is sunny in Rome and sunny in Oslo.")

    rehearse(scene, Model(WEATHER + called("weather", city="Oslo")), slow_tool(2.0), sets=["session.tool_filler=''"])


def test_calls_in_json_are_understood_as_well():
    async def scene(talk):
        await ask(talk)
        assert talk.said == "It is sunny in Rome."

    call = json.dumps({"name": "weather", "arguments": {"city": "Rome"}})
    rehearse(scene, Model(f"<tool_call>{call}</tool_call>"), slow_tool(0.1))


def test_no_tool_runs_before_the_turn_is_known_to_be_over():
    log = []

    async def scene(talk):
        await talk.speaks(1.5)
        await talk.listens(0.5)
        assert log == []
        await talk.speaks(1.5)
        await talk.listens(8.0)
        assert log == ["begun", "done"]
        assert talk.turns[0].speculations_dropped >= 1

    asr = ["Rome is where I want to know the weather of"]
    rehearse(scene, Model(), slow_tool(0.1, log=log), asr=asr, turn=[0.05, 0.95])


def test_typed_words_may_call_tools_too():
    async def scene(talk):
        talk.session.type("How is Rome?")
        await talk.listens(6.0)
        assert talk.said == "It is sunny in Rome."

    rehearse(scene, Model(), slow_tool(0.1))
