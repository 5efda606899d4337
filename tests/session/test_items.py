"""The conversation as a door sees it: items by name, which it may add and remove between turns."""

from dataclasses import replace

import pytest
from listening import Listening
from test_conversation import LONG_REPLY, QUESTION, REAL, outcomes, rehearse
from tool_talk import WEATHER, slow_tool, well_formed
from tool_talk import rehearse as rehearse_tools

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import ResponseEnded, ResponseStarted, SegmentAnnounced, ToolUsed, UserTurnEnded
from voiceagent.testing.tools import virtual_tool


def listed(talk):
    return [(item.id, item.role, item.text) for item in talk.session.items]


def test_what_is_said_has_the_names_that_are_reported():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(6.0)
        (turn,), (started,), (ended,) = talk.of(UserTurnEnded), talk.of(ResponseStarted), talk.of(ResponseEnded)
        assert listed(talk) == [(turn.item, "user", QUESTION), (started.item, "assistant", "Fine, thank you.")]
        assert ended.item == started.item
        talk.session.forget(turn.item)
        assert listed(talk) == [(started.item, "assistant", "Fine, thank you.")]

    rehearse(scene, llm=ScriptedLlm(Listening(), **REAL))


def test_what_is_added_stands_in_its_place_and_nobody_answers_it():
    model = Listening()

    async def scene(talk):
        session = talk.session
        first = session.remember("user", "My name is Robin.")
        session.remember("assistant", "Hello, Robin.")
        session.remember("system", "The user is in Rome.")
        session.remember("user", "I like tea.", after=first)
        session.remember("assistant", "Welcome.", after="")
        await talk.listens(5.0)
        assert not talk.of(ResponseStarted)
        session.type("who am I")
        await talk.listens(3.0)
        assert model.asked == [
            ("assistant", "Welcome."),
            ("user", "My name is Robin. I like tea."),
            ("assistant", "Hello, Robin."),
            ("user", "(The user is in Rome.) who am I"),
        ]
        roles = ["assistant", "user", "user", "assistant", "system", "user", "assistant"]
        assert [role for _, role, _ in listed(talk)] == roles
        assert len({item.id for item in session.items}) == 7

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_what_cannot_be_done_is_said():
    async def scene(talk):
        for wrong in (
            lambda: talk.session.remember("user", "  "),
            lambda: talk.session.remember("user", "hello", after="turn_9"),
            lambda: talk.session.forget("turn_9"),
        ):
            with pytest.raises(VoiceAgentError):
                wrong()
        assert not talk.session.items

    rehearse(scene)


def test_an_answer_that_is_being_prepared_learns_of_what_is_added():
    model = Listening()

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(0.3)
        assert len(model.prompts) == 1, "it is being prepared"
        talk.session.remember("system", "The user is a diver.")
        await talk.listens(5.0)
        assert outcomes(talk) == ["completed"]
        assert model.asked == [("user", f"(The user is a diver.) {QUESTION}")]
        assert [item.role for item in talk.session.items] == ["system", "user", "assistant"]

    rehearse(scene, "vad.stop_ms=400", llm=ScriptedLlm(model, **REAL))


def test_what_is_added_while_the_agent_speaks_follows_its_answer():
    model = Listening(LONG_REPLY)

    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(1.0)
        talk.session.remember("user", "and one more thing")
        assert [item.text for item in talk.session.items] == ["hello", "and one more thing"], "it is not heard yet"
        await talk.listens(12.0)
        assert [item.text for item in talk.session.items] == ["hello", LONG_REPLY, "and one more thing"]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_an_answer_can_be_forgotten_while_it_is_heard_and_corrected_when_more_was_said_since():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(1.0)
        talk.session.type("and the moon")
        await talk.listens(0.5)
        first, second = talk.of(ResponseStarted)
        assert [item.id for item in talk.session.items if item.role == "assistant"] == [first.item]
        with pytest.raises(VoiceAgentError):
            talk.session.forget("response_7")
        talk.session.forget(second.item)
        await talk.listens(12.0)
        assert [item.id for item in talk.session.items if item.role == "assistant"] == [first.item]

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_the_last_answer_is_cut_to_what_a_client_has_played_though_a_message_was_added_since():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(12.0)
        (end,) = talk.of(ResponseEnded)
        talk.session.remember("user", "and the moon")
        talk.session.heard_until(end.generation, 700)
        assert [item.text for item in talk.session.items] == ["hello", "The sea", "and the moon"]

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


# Tools that the client runs


def test_a_tool_may_take_minutes_and_the_filler_is_said_once():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(200.0)
        assert outcomes(talk) == ["completed"]
        words = [" ".join(report.words) for report in talk.of(SegmentAnnounced)]
        assert words == ["One moment, please.", "It is sunny in Rome."]

    def model(messages):
        return WEATHER if messages[-1].role == "user" else f"It is {messages[-1].content}."

    rehearse_tools(scene, model, minutes(slow_tool(180.0)))


def test_the_result_of_a_call_that_was_interrupted_is_remembered_when_it_comes():
    prompts = []

    def model(messages):
        prompts.append(messages)
        assert well_formed(messages)
        return WEATHER if "Rome" in messages[-1].content else f"That was message {len(messages)}."

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.0)
        (use,) = talk.of(ToolUsed)
        await talk.speaks(3.0)
        await talk.listens(20.0)
        talk.session.type("and now")
        await talk.listens(3.0)
        (result,) = [message for message in prompts[-1] if message.call_id == use.call_id]
        assert result.content == "sunny in Rome"
        item = next(item for item in talk.session.items if item.id == "response_1")
        assert Message("tool", "sunny in Rome", call_id=use.call_id) in item.messages

    rehearse_tools(scene, model, minutes(slow_tool(15.0, on_interrupt="finish")))


def minutes(tool):
    """Return a tool of a client's that may take minutes."""
    return replace(virtual_tool(tool), timeout_s=600.0)
