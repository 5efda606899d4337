"""Conversations in virtual time in which the model calls tools: real session, scripted models, imagined tools."""

import asyncio
import json
import logging

import pytest

from voiceagent.app.rehearsal import Rehearsal, scripted_engines
from voiceagent.config import load
from voiceagent.engines.asr.scripted import ScriptedAsr
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted import ScriptedLlm, ScriptedLlmStream
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.engines.turn.scripted import ScriptedTurn
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.session.call_round import CANCELLED, UNFINISHED
from voiceagent.session.response import MAX_ROUNDS, NUDGE
from voiceagent.tools import Toolbox, function_tool, tool

REAL = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
QUESTION = "what is the weather like in Rome"
FILLER = "One moment, please."


def called(name, **arguments):
    parameters = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>"


WEATHER = called("weather", city="Rome")


class Model:
    """A scripted model that calls tools when it is asked, and speaks of the results when it has them."""

    def __init__(self, call=WEATHER, answer="It is {}."):
        self.prompts = []
        self.call = call
        self.answer = answer

    def __call__(self, messages):
        self.prompts.append(messages)
        results = []
        for message in reversed(messages):
            if message.role != "tool":
                break
            results.insert(0, message.content)
        if results:
            return self.answer.format(" and ".join(results))
        return self.call if "Rome" in messages[-1].content else "You are welcome."


def rehearse(scene, model, *tools, sets=(), **scripts):
    async def main():
        engines = scripted_engines(
            asr=scripts.pop("asr", None) or ScriptedAsr([QUESTION, "thank you very much indeed"], **REAL),
            llm=ScriptedLlm(model, **REAL),
            **scripts,
        )
        settings = load("scripted.yaml", ["session.greeting=''", "session.idle_s=0", "turn.detector=smart_turn", *sets])
        talk = Rehearsal(settings.settings, engines, tools=Toolbox(map(function_tool, tools)))
        talk.open()
        await scene(talk)
        talk.close()
        await asyncio.sleep(60)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "no call goes on for ever"

    run_virtual(main())


def slow_tool(seconds, on_interrupt="cancel", log=None):
    @tool(on_interrupt=on_interrupt)
    async def weather(city: str) -> str:
        """Look up the weather."""
        log is not None and log.append("begun")
        await asyncio.sleep(seconds)
        log is not None and log.append("done")
        return f"sunny in {city}"

    return weather


def well_formed(messages):
    """Check that every call has its answer, right after it, and that nothing else is answered."""
    open_calls = []
    for message in messages:
        if message.role == "tool":
            assert open_calls.pop(0) == message.call_id
        else:
            assert not open_calls
            open_calls = [call.id for call in message.calls]
    assert not open_calls
    return True


def outcomes(talk):
    return [message["outcome"] for message in talk.messages("agent.end")]


async def ask(talk, seconds=3.0):
    await talk.speak(seconds)
    await talk.listen(8.0)


def test_a_tool_is_called_and_its_result_is_spoken_of():
    async def scene(talk):
        await ask(talk)
        assert talk.said() == "It is sunny in Rome."
        assert outcomes(talk) == ["completed"]
        assert [(m["tool"], m["running"]) for m in talk.messages("agent.tool")] == [
            ("weather", True),
            ("weather", False),
        ]

    rehearse(scene, Model(), slow_tool(0.1))


def test_the_turns_record_says_which_tool_took_how_long():
    async def scene(talk):
        await ask(talk)
        trace = talk.traces[0].to_json()
        assert trace["tools"] == [{"tool": "weather", "ms": 500.0, "outcome": "done"}]
        span = next(span for span in trace["spans"] if span["name"] == "tool weather")
        assert span["end_ms"] - span["start_ms"] == pytest.approx(500)
        assert talk.messages("trace")[0]["trace"]["tools"] == trace["tools"]

    rehearse(scene, Model(), slow_tool(0.5))


@pytest.mark.parametrize(("on_interrupt", "outcome"), [("cancel", "cancelled"), ("finish", "running")])
def test_the_record_of_an_interrupted_turn_says_what_became_of_its_tool(on_interrupt, outcome):
    async def scene(talk):
        await talk.speak(3.0)
        await talk.listen(2.0)
        await ask(talk)
        assert [use.outcome for use in talk.traces[0].tools] == [outcome]

    rehearse(scene, Model(), slow_tool(9.0, on_interrupt))


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
        assert talk.said() == "Let me see. It is sunny in Rome."
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
        await talk.speak(3.0)
        await talk.listen(3.6)
        assert talk.said().startswith("It is sunny in Rome and sunny in Oslo.")

    rehearse(scene, Model(WEATHER + called("weather", city="Oslo")), slow_tool(2.0), sets=["session.tool_filler=''"])


def test_calls_in_json_are_understood_as_well():
    async def scene(talk):
        await ask(talk)
        assert talk.said() == "It is sunny in Rome."

    call = json.dumps({"name": "weather", "arguments": {"city": "Rome"}})
    rehearse(scene, Model(f"<tool_call>{call}</tool_call>"), slow_tool(0.1))


def test_no_tool_runs_before_the_turn_is_known_to_be_over():
    log = []

    async def scene(talk):
        await talk.speak(1.5)
        await talk.listen(0.5)
        assert log == []
        await talk.speak(1.5)
        await talk.listen(8.0)
        assert log == ["begun", "done"]
        assert talk.traces[0].speculations_dropped >= 1

    asr = ScriptedAsr(["Rome is where I want to know the weather of"], **REAL)
    rehearse(scene, Model(), slow_tool(0.1, log=log), asr=asr, turn=ScriptedTurn([0.05, 0.95], **REAL))


def test_a_slow_tool_is_bridged_by_a_phrase_that_the_model_never_sees():
    model = Model()

    async def scene(talk):
        await ask(talk)
        assert talk.said() == f"{FILLER} It is sunny in Rome."
        await ask(talk)
        assert not any(FILLER in message.content for message in model.prompts[-1])

    rehearse(scene, model, slow_tool(3.0))


def test_nothing_is_bridged_while_the_agent_still_speaks():
    async def scene(talk):
        await ask(talk)
        assert FILLER not in talk.said()

    words = "I will look it up for you in my big book of the weather right now."
    rehearse(scene, Model(f"{words} {WEATHER}"), slow_tool(3.0))


def test_an_interruption_cancels_a_tool_and_leaves_a_conversation_to_go_on_with():
    model, log = Model(), []

    async def scene(talk):
        await talk.speak(3.0)
        await talk.listen(2.0)
        assert log == ["begun"]
        await ask(talk)
        assert log == ["begun"]
        assert outcomes(talk) == ["interrupted", "completed"]
        assert well_formed(model.prompts[-1])
        assert [m.content for m in model.prompts[-1] if m.role == "tool"] == [CANCELLED]
        assert talk.said().endswith("You are welcome.")

    rehearse(scene, model, slow_tool(9.0, log=log))


def test_a_tool_may_finish_though_it_is_interrupted_and_the_next_turn_knows_what_came_of_it():
    model, log = Model(), []

    async def scene(talk):
        await talk.speak(3.0)
        await talk.listen(1.0)
        await talk.speak(3.0)
        await talk.listen(1.5)
        assert [m.content for m in model.prompts[-1] if m.role == "tool"] == [UNFINISHED]
        await talk.listen(6.0)
        assert log == ["begun", "done"]
        await ask(talk)
        assert well_formed(model.prompts[-1])
        assert next(m.content for m in model.prompts[-1] if m.role == "tool") == "sunny in Rome"

    rehearse(scene, model, slow_tool(8.0, "finish", log))


def test_a_cough_while_a_tool_runs_changes_nothing():
    async def scene(talk):
        await talk.speak(3.0)
        await talk.listen(1.0)
        await talk.speak(0.16)
        await talk.listen(9.0)
        assert outcomes(talk) == ["completed"]
        assert talk.said().endswith("It is sunny in Rome.")

    rehearse(scene, Model(), slow_tool(4.0))


def test_hanging_up_cancels_what_runs_and_lets_finish_what_wants_to():
    for on_interrupt, expected in (("cancel", ["begun"]), ("finish", ["begun", "done"])):
        log = []

        async def scene(talk, log=log, expected=expected):
            await talk.speak(3.0)
            await talk.listen(2.0)
            talk.session.close()
            await talk.listen(9.0)
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
        await talk.speak(3.0)
        await talk.listen(16.0)
        assert talk.said().endswith("I could not look it up.")
        assert model.prompts[-1][-1].content == told
        await ask(talk)
        assert outcomes(talk) == ["completed", "completed"]
        assert "tool failed" in caplog.text
        assert caplog.records[0].session == "rehearsal"

    rehearse(scene, model, work)


def test_a_result_of_megabytes_is_cut_and_never_spoken_raw():
    endless_text.__name__ = "weather"
    model = Model(answer="It rains.")

    async def scene(talk):
        await ask(talk)
        assert talk.said() == "It rains."
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
        assert "something went wrong" in talk.said()
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
        assert talk.said() == "I do not know."
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
        assert "something went wrong" in talk.said()
        assert "said nothing, twice" in caplog.text
        await ask(talk)
        assert well_formed(model.prompts[-1])

    rehearse(scene, model, slow_tool(0.1))


def test_typed_words_may_call_tools_too():
    async def scene(talk):
        talk.session.type("How is Rome?")
        await talk.listen(6.0)
        assert talk.said() == "It is sunny in Rome."

    rehearse(scene, Model(), slow_tool(0.1))


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
        assert "something went wrong" in talk.said()

    rehearse(scene, Model(), slow_tool(0.1))
