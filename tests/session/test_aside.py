"""Replies apart from the conversation: text only, at once, and nothing of them is remembered; and tokens counted."""

from dataclasses import replace

import pytest
from listening import Listening
from test_conversation import LONG_REPLY, REAL, outcomes, rehearse
from tool_talk import WEATHER, slow_tool
from tool_talk import rehearse as rehearse_tools

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError
from voiceagent.session import events as ev
from voiceagent.session.history import GO_ON
from voiceagent.session.reports import AsideEnded, EngineFailed, ResponseEnded, ResponseStarted, Usage, WordHeard


def test_a_reply_apart_is_text_and_leaves_no_trace():
    model = Listening("A <think>hm</think>greeting.")

    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(3.0)
        known = talk.session.items
        talk.clear()
        asked = (Message("user", "Classify: hello"),)
        request = talk.session.respond("In one word.", remember=False, messages=asked)
        await talk.listens(3.0)
        (aside,) = talk.of(AsideEnded)
        assert (aside.request, aside.outcome, aside.text) == (request, ev.Outcome.COMPLETED, "A greeting.")
        assert aside.usage.written == 2
        assert aside.usage.read > 0
        assert model.asked == [("user", "Classify: hello In one word.")]
        assert not talk.of(ResponseStarted)
        assert not talk.of(WordHeard)
        assert talk.session.items == known
        talk.session.respond(remember=False)
        await talk.listens(3.0)
        assert model.asked == [("user", "hello"), ("assistant", "A greeting."), ("user", GO_ON)]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_a_reply_apart_neither_waits_for_the_agent_nor_disturbs_it():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(1.0)
        talk.session.respond(remember=False)
        await talk.listens(1.5)
        assert len(talk.of(AsideEnded)) == 1
        assert not outcomes(talk), "the agent still speaks"
        await talk.listens(10.0)
        assert outcomes(talk) == ["completed"]
        assert not talk.silences

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_a_reply_apart_can_be_withdrawn_and_ends_with_the_session():
    async def scene(talk):
        first = talk.session.respond(remember=False)
        second = talk.session.respond(remember=False)
        talk.session.withdraw(first)
        assert [(aside.request, aside.outcome) for aside in talk.of(AsideEnded)] == [(first, ev.Outcome.INTERRUPTED)]
        talk.hangs_up()
        assert [aside.request for aside in talk.of(AsideEnded)] == [first, second]
        talk.session.respond(remember=False)
        await talk.listens(1.0)
        assert len(talk.of(AsideEnded)) == 2

    rehearse(scene)


def test_a_model_that_fails_apart_is_reported():
    async def scene(talk):
        talk.session.respond(remember=False)
        await talk.listens(1.0)
        assert [aside.outcome for aside in talk.of(AsideEnded)] == [ev.Outcome.FAILED]
        assert [failure.engine for failure in talk.of(EngineFailed)] == ["llm"]
        assert not talk.of(ResponseStarted), "nobody apologises for what nobody has asked aloud"

    rehearse(scene, llm=ScriptedLlm(fail_at=1, **REAL))


def test_there_is_an_error_where_no_place_is_left_for_a_reply_apart():
    async def scene(talk):
        with pytest.raises(VoiceAgentError, match="sequences"):
            talk.session.respond(remember=False)
        talk.session.type("hello")
        await talk.listens(4.0)
        assert outcomes(talk) == ["completed"]

    rehearse(scene, llm=ScriptedLlm(sequences=1, **REAL))


# Usage


def test_tokens_are_counted_where_they_are_wanted():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(3.0)
        talk.session.configure(replace(talk.session.config, count_usage=True, system_prompt="Be nice."))
        talk.session.type("hello")
        await talk.listens(3.0)
        first, second = talk.of(ResponseEnded)
        assert first.usage is None
        # system 2 words, user 1, agent 3, user 1; four tokens for each message
        assert second.usage == Usage(read=2 + 1 + 3 + 1 + 4 * 4, written=3)

    rehearse(scene, llm=ScriptedLlm(Listening(), **REAL))


def test_every_reply_of_a_response_counts():
    async def scene(talk):
        talk.session.configure(replace(talk.session.config, count_usage=True))
        talk.session.type("the weather in Rome")
        await talk.listens(8.0)
        (end,) = talk.of(ResponseEnded)
        count = talk.session._responses._count_tokens
        assert end.usage.read == sum(map(count, prompts))
        assert end.usage.written > 5
        assert len(prompts) == 2

    prompts = []

    def model(messages):
        prompts.append(messages)
        return WEATHER if messages[-1].role == "user" else "It is sunny in Rome."

    rehearse_tools(scene, model, slow_tool(0.1))
