"""Tools that are slow, interrupted or broken, and models that make no sense of them: the conversation goes on."""

import asyncio
import logging

import pytest
from tool_talk import FILLER, QUESTION, WEATHER, Model, ask, outcomes, rehearse, slow_tool, well_formed

from voiceagent.engines.contract import Need
from voiceagent.engines.llm.scripted.engine import ScriptedLlmStream
from voiceagent.session.call_round import CANCELLED, UNFINISHED
from voiceagent.session.response import MAX_ROUNDS, NUDGE


@pytest.mark.parametrize(("on_interrupt", "outcome"), [("cancel", "cancelled"), ("finish", "running")])
def test_the_record_of_an_interrupted_turn_says_what_became_of_its_tool(on_interrupt, outcome):
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(2.0)
        await ask(talk)
        assert [use.outcome for use in talk.turns[0].tools] == [outcome]

    rehearse(scene, Model(), slow_tool(9.0, on_interrupt))


def test_a_slow_tool_is_bridged_by_a_phrase_that_the_model_never_sees():
    model = Model()

    async def scene(talk):
        await ask(talk)
        assert talk.said == f"{FILLER} It is sunny in Rome."
        await ask(talk)
        assert not any(FILLER in message.content for message in model.prompts[-1])

    rehearse(scene, model, slow_tool(3.0))


def test_nothing_is_bridged_while_the_agent_still_speaks():
    async def scene(talk):
        await ask(talk)
        assert FILLER not in talk.said

    words = "I will look it up for you in my big book of the weather right now."
    rehearse(scene, Model(f"{words} {WEATHER}"), slow_tool(3.0))


def test_an_interruption_cancels_a_tool_and_leaves_a_conversation_to_go_on_with():
    model, log = Model(), []

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(2.0)
        assert log == ["begun"]
        await ask(talk)
        assert log == ["begun"]
        assert outcomes(talk) == ["interrupted", "completed"]
        assert well_formed(model.prompts[-1])
        assert [m.content for m in model.prompts[-1] if m.role == "tool"] == [CANCELLED]
        assert talk.said.endswith("You are welcome.")

    rehearse(scene, model, slow_tool(9.0, log=log))


def test_a_tool_may_finish_though_it_is_interrupted_and_the_next_turn_knows_what_came_of_it():
    model, log = Model(), []

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(1.0)
        await talk.speaks(3.0)
        await talk.listens(1.5)
        assert [m.content for m in model.prompts[-1] if m.role == "tool"] == [UNFINISHED]
        await talk.listens(6.0)
        assert log == ["begun", "done"]
        await ask(talk)
        assert well_formed(model.prompts[-1])
        assert next(m.content for m in model.prompts[-1] if m.role == "tool") == "sunny in Rome"

    rehearse(scene, model, slow_tool(8.0, "finish", log))


def test_a_cough_while_a_tool_runs_changes_nothing():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(1.0)
        await talk.speaks(0.16)
        await talk.listens(9.0)
        assert outcomes(talk) == ["completed"]
        assert talk.said.endswith("It is sunny in Rome.")

    rehearse(scene, Model(), slow_tool(4.0))


def test_hanging_up_cancels_what_runs_and_lets_finish_what_wants_to():
    for on_interrupt, expected in (("cancel", ["begun"]), ("finish", ["begun", "done"])):
        log = []

        async def scene(talk, log=log, expected=expected):
            await talk.speaks(3.0)
            await talk.listens(2.0)
            talk.session.close()
            await talk.listens(9.0)
            assert log == expected

        rehearse(scene, Model(), slow_tool(8.0, on_interrupt, log))


async def broken(city: str) -> str:
    """Look up the weather."""
    raise ValueError("the satellite is on fire")


async def endless(city: str) -> str:
    """Look up the weather."""
    await asyncio.sleep(1e6)


async def endless_text(city: str) -> str:
    """Look up the weather."""
    return "rain " * 1_000_000


@pytest.mark.parametrize(
    ("work", "told"),
    [(broken, "Error: the satellite is on fire"), (endless, "Error: weather did not answer within 10 s")],
)
def test_a_tool_that_fails_is_spoken_of_and_the_session_lives(work, told, caplog):
    caplog.set_level(logging.WARNING)
    work.__name__ = "weather"
    model = Model(answer="I could not look it up.")

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(16.0)
        assert talk.said.endswith("I could not look it up.")
        assert model.prompts[-1][-1].content == told
        await ask(talk)
        assert outcomes(talk) == ["completed", "completed"]
        assert "tool failed" in caplog.text
        assert caplog.records[0].session == "caller 1"

    rehearse(scene, model, work)


def test_a_result_of_megabytes_is_cut_and_never_spoken_raw():
    endless_text.__name__ = "weather"
    model = Model(answer="It rains.")

    async def scene(talk):
        await ask(talk)
        assert talk.said == "It rains."
        assert len(model.prompts[-1][-1].content) < 2_100
        await ask(talk)
        assert outcomes(talk) == ["completed", "completed"]

    rehearse(scene, model, endless_text, sets=["llm.session_tokens=240", "llm.max_tokens=40"])


def test_a_model_that_calls_without_end_is_stopped_and_apologised_for(caplog):
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return WEATHER

    async def scene(talk):
        await ask(talk)
        assert outcomes(talk) == ["failed", "completed"]
        assert "something went wrong" in talk.said
        assert len(prompts) == MAX_ROUNDS + 1
        assert "called tools" in caplog.text

    rehearse(scene, reply, slow_tool(0.1))


def test_a_call_that_cannot_be_read_is_asked_for_again_and_never_spoken():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return '<tool_call>{"name": "weather"' if len(prompts) == 1 else "I do not know."

    async def scene(talk):
        await ask(talk)
        assert talk.said == "I do not know."
        assert prompts[1][-1].content == f"{QUESTION} {NUDGE}"
        await ask(talk)
        assert not any(NUDGE in message.content for message in prompts[-1])

    rehearse(scene, reply, slow_tool(0.1))


def test_a_model_that_says_nothing_of_a_result_is_asked_again_and_then_apologised_for(caplog):
    model = Model(answer="")

    async def scene(talk):
        await ask(talk)
        assert len(model.prompts) == 3
        assert outcomes(talk) == ["failed", "completed"]
        assert "something went wrong" in talk.said
        assert "said nothing, twice" in caplog.text
        await ask(talk)
        assert well_formed(model.prompts[-1])

    rehearse(scene, model, slow_tool(0.1))


def test_a_model_that_refuses_the_results_is_apologised_for(monkeypatch):
    generate = ScriptedLlmStream.generate

    def refuse(stream, generation, messages, deadline, *, need=Need.AWAITED):
        if messages[-1].role == "tool":
            raise OverflowError("too much")
        generate(stream, generation, messages, deadline, need=need)

    monkeypatch.setattr(ScriptedLlmStream, "generate", refuse)

    async def scene(talk):
        await ask(talk)
        assert outcomes(talk) == ["failed", "completed"]
        assert "something went wrong" in talk.said

    rehearse(scene, Model(), slow_tool(0.1))
