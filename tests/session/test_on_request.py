"""Answers that are asked for: as the conversation stands, in their own way, apart from it, or not any more."""

from dataclasses import replace

import pytest
from listening import Listening
from shipped_rules import rules
from test_conversation import LONG_REPLY, QUESTION, REAL, outcomes, rehearse
from test_machine import Talk
from tool_talk import WEATHER, slow_tool
from tool_talk import rehearse as rehearse_tools

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.history import GO_ON
from voiceagent.session.reports import (
    NothingHeard,
    ResponseEnded,
    ResponseStarted,
    ToolUsed,
    UserTurnEnded,
)

QUIET = rules(greet=False, answer=False)


def rule(talk, **changes):
    talk.session.configure(replace(talk.session.config, rules=replace(talk.session.config.rules, **changes)))


# The rules


def test_a_finished_turn_is_remembered_and_nobody_answers():
    talk = Talk(QUIET).says("how are you")
    assert not talk.did(fx.Respond), "nothing is prepared either"
    talk.stops().judged(0.99)
    assert talk.did(fx.EndTurn) == [fx.EndTurn(1, "how are you")]
    assert not talk.did(fx.Respond)
    assert talk.did(fx.CommitAudio)
    assert talk.state.turn == 2


def test_an_answer_that_is_asked_for_follows_the_turn_that_it_answers():
    talk = Talk(QUIET).feed(ev.SpeechStarted(1.0), ev.ReplyRequested(1.5, "", 3))
    assert not talk.did(fx.Respond)
    talk.says("how are you").stops().judged(0.99)
    ended, begun = fx.EndTurn(1, "how are you"), fx.Respond(1, fx.ResponseKind.PROMPTED, "", 3)
    assert talk.effects.index(ended) < talk.effects.index(begun)
    assert talk.did(fx.Release) == [fx.Release(1)]


def test_the_agent_is_still_interrupted_where_nobody_answers():
    talk = Talk(QUIET).feed(ev.ReplyRequested(1.0), ev.PlayoutStarted(1.5, 1))
    talk.says("no stop", at=3.0, speech_s=0.4)
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert not talk.did(fx.Respond)


def test_a_turn_ended_by_hand_leaves_the_agent_speaking_where_nobody_answers():
    talk = Talk(replace(QUIET, manual=True)).feed(ev.ReplyRequested(1.0), ev.PlayoutStarted(1.5, 1))
    talk.feed(ev.TurnCommitted(2.0), ev.FinalTranscript(2.1, 1, "and the moon"))
    assert talk.did(fx.EndTurn) == [fx.EndTurn(1, "and the moon")]
    assert not talk.did(fx.End)


def test_typed_words_are_remembered_and_disturb_nobody():
    talk = Talk(QUIET).feed(ev.ReplyRequested(1.0), ev.PlayoutStarted(1.5, 1), ev.Typed(2.0, "and the moon"))
    assert talk.did(fx.EndTurn) == [fx.EndTurn(1, "and the moon")]
    assert not talk.did(fx.End)


def test_nothing_is_apologised_for_by_itself():
    talk = Talk(QUIET).feed(ev.ReplyRequested(1.0), ev.ResponseFailed(1.5, 1))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.FAILED)]
    assert talk.state.response is None
    talk.feed(ev.SpeechStarted(2.0), ev.SpeechPaused(3.0, 1.0), ev.SpeechStopped(3.2))
    talk.feed(ev.FinalTranscript(3.3, 1, "", failed=True))
    assert talk.did(fx.ShowNothing) == [fx.ShowNothing(1, failed=True)]
    assert talk.state.response is None


def test_a_request_that_waits_can_be_withdrawn():
    talk = Talk().agent_speaks().feed(ev.ReplyRequested(3.0, "", 1), ev.ReplyRequested(3.0, "", 2))
    talk.feed(ev.RequestWithdrawn(3.5, 1), ev.PlayoutFinished(5.0, 1))
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.PROMPTED, "", 2)]


def test_a_response_that_is_not_wanted_any_more_ends():
    talk = Talk().feed(ev.ReplyRequested(1.0, "", 1), ev.RequestWithdrawn(1.5, 2))
    assert talk.state.response is not None, "another request"
    talk.feed(ev.RequestWithdrawn(1.5, 1))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]


def test_what_is_being_prepared_is_prepared_again_when_the_conversation_changes():
    talk = Talk().says("how are you").feed(ev.Noted(2.15))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.CANCELLED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "how are you")]
    talk.stops().judged(0.99)
    assert not talk.feed(ev.Noted(2.5)).effects, "what is heard is not changed"


# Speech that does not interrupt

DEAF = rules(greet=False, interruptible=False)


def test_speech_lets_the_agent_finish_and_is_then_the_next_turn():
    talk = Talk(DEAF).agent_speaks().says("and the moon", at=3.0).stops(4.2)
    assert not talk.did(fx.Pause)
    assert not talk.did(fx.End)
    assert not talk.did(fx.Respond)
    talk.feed(ev.PlayoutFinished(6.0, 1))
    assert talk.did(fx.Judge) == [fx.Judge(2)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "and the moon")]
    assert talk.judged(0.99, at=6.1).did(fx.Release) == [fx.Release(2)]


def test_a_cough_during_the_answer_is_dismissed():
    talk = Talk(DEAF).agent_speaks().says("", at=3.0, speech_s=0.2).stops(3.5)
    assert talk.did(fx.ShowNothing) == [fx.ShowNothing(2, failed=False)]
    assert not talk.did(fx.Resume), "it has not paused"


def test_the_button_still_silences_the_agent_that_does_not_let_itself_be_interrupted():
    assert Talk(DEAF).agent_speaks().feed(ev.StopRequested(3.0)).did(fx.End)


# Whole conversations


def test_the_agent_finishes_and_then_answers_what_was_said_meanwhile():
    async def scene(talk):
        rule(talk, interruptible=False)
        talk.session.type("hello")
        await talk.listens(1.0)
        await talk.speaks(3.0)
        await talk.listens(14.0)
        assert outcomes(talk) == ["completed"] * 2
        assert [turn.text for turn in talk.of(UserTurnEnded)] == ["hello", QUESTION]

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_turns_are_remembered_until_an_answer_is_asked_for():
    model = Listening()

    async def scene(talk):
        rule(talk, answer=False)
        await talk.speaks(3.0)
        await talk.listens(4.0)
        talk.session.type("and quickly")
        await talk.listens(4.0)
        assert not model.prompts
        assert [turn.text for turn in talk.of(UserTurnEnded)] == [QUESTION, "and quickly"]
        request = talk.session.respond()
        await talk.listens(4.0)
        assert model.asked == [("user", f"{QUESTION} and quickly")]
        (started,) = talk.of(ResponseStarted)
        assert (started.kind, started.request) == (fx.ResponseKind.PROMPTED, request)
        assert outcomes(talk) == ["completed"]
        (trace,) = talk.turns
        assert (trace.turn, trace.user_text, trace.agent_text) == (2, "and quickly", "Fine, thank you.")
        talk.session.respond()
        await talk.listens(4.0)
        assert model.asked[-1] == ("user", GO_ON), "there is nothing to answer any more"

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_a_spoken_turn_that_is_answered_on_request_is_timed_from_its_end():
    async def scene(talk):
        rule(talk, answer=False)
        await talk.speaks(3.0)
        talk.session.respond()
        await talk.listens(8.0)
        assert talk.turns[0].user_text == QUESTION
        assert 0 < talk.turns[0].voice_to_voice_ms < 1_000

    rehearse(scene)


def test_nobody_has_waited_for_an_answer_that_is_asked_for_much_later():
    async def scene(talk):
        rule(talk, answer=False)
        await talk.speaks(3.0)
        await talk.listens(10.0)
        talk.session.respond()
        await talk.listens(8.0)
        (trace,) = talk.turns
        assert trace.user_text == QUESTION
        assert trace.waited_s is None

    rehearse(scene)


def test_a_door_may_ask_for_the_answer_as_soon_as_it_hears_of_the_turn():
    model, asked = Listening(), []

    async def scene(talk):
        rule(talk, answer=False)
        put = talk._on_report

        def ask(report):
            put(report)
            if isinstance(report, UserTurnEnded):
                asked.append([item.text for item in talk.session.items])
                talk.session.remember("system", "Be brief.")
                talk.session.respond()

        talk.session._report = ask
        await talk.speaks(3.0)
        await talk.listens(5.0)
        assert asked == [[QUESTION]]
        assert model.asked == [("user", f"{QUESTION} (Be brief.)")]
        assert outcomes(talk) == ["completed"]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_an_answer_ends_before_the_turn_that_interrupts_it_is_reported():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(1.0)
        talk.session.type("stop")
        order = [
            one.report
            for one in talk.reports
            if isinstance(one.report, UserTurnEnded | ResponseStarted | ResponseEnded)
        ]
        assert [type(report) for report in order] == [
            UserTurnEnded,
            ResponseStarted,
            ResponseEnded,
            UserTurnEnded,
            ResponseStarted,
        ]

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_a_turn_that_comes_while_the_agent_speaks_follows_what_it_says():
    model = Listening(LONG_REPLY)

    async def scene(talk):
        rule(talk, answer=False, manual=True)
        talk.session.type("hello")
        talk.session.respond()
        await talk.listens(1.0)
        talk.session.type("and the moon")
        await talk.listens(12.0)
        talk.session.respond()
        await talk.listens(1.0)
        assert model.asked == [("user", "hello"), ("assistant", LONG_REPLY), ("user", "and the moon")]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_one_response_may_have_a_configuration_of_its_own():
    model = Listening()
    spoken = []

    class Voice(ScriptedTts):
        def open(self, on_event):
            stream = super().open(on_event)
            speak = stream.speak

            def noting(*args, **how):
                spoken.append(how["voice"])
                speak(*args, **how)

            stream.speak = noting
            return stream

    async def scene(talk):
        rule(talk, answer=False)
        usual = talk.session.config
        talk.session.type("hello")
        high = Voice(**REAL).voices[-1]
        own = replace(usual, system_prompt="You are a pirate.", max_tokens=2, voice=high, tools=())
        talk.session.respond(config=own)
        await talk.listens(3.0)
        assert model.prompts[0][0] == Message("system", "You are a pirate.")
        assert talk.of(ResponseEnded)[0].cut
        assert spoken == [high]
        talk.session.type("and again")
        talk.session.respond("Be polite.")
        await talk.listens(3.0)
        assert model.prompts[1][0].content == usual.system_prompt
        assert model.asked[-1] == ("user", "and again Be polite.")
        assert not talk.of(ResponseEnded)[1].cut
        assert set(spoken[1:]) == {None}
        with pytest.raises(VoiceAgentError, match="temperature"):
            talk.session.respond(config=replace(usual, temperature=9.0))

    rehearse(scene, llm=ScriptedLlm(model, **REAL), tts=Voice(**REAL))


def test_a_response_without_tools_calls_none():
    def calls_if_it_can(messages):
        return WEATHER if messages[0].tools else "No idea about Rome."

    async def scene(talk):
        rule(talk, answer=False)
        talk.session.type("what about Rome")
        talk.session.respond(config=replace(talk.session.config, tools=()))
        await talk.listens(4.0)
        assert not talk.of(ToolUsed)
        assert talk.said == "No idea about Rome."

    rehearse_tools(scene, calls_if_it_can, slow_tool(0.1))


def test_a_longer_prompt_for_one_response_leaves_out_the_oldest_turns():
    model = Listening("Yes.")

    async def scene(talk):
        for number in range(6):
            talk.session.type(f"this is question number {number} of all of my questions")
            await talk.listens(2.0)
        config = talk.session.config
        talk.session.respond("Go.", config=replace(config, system_prompt="long " * (config.budget_tokens - 60)))
        await talk.listens(2.0)
        texts = [content for _, content in model.asked]
        assert texts[-1] == "Go."
        assert "question number 0" in model.prompts[-2][1].content, "all of it was there"
        assert "question number 4" in texts[0]
        assert outcomes(talk)[-1] == "completed"

    rehearse(scene, "llm.session_tokens=600", llm=ScriptedLlm(model, **REAL))


def test_a_spoken_turn_that_comes_to_nothing_is_reported_by_whatever_sound_it_was():
    async def scene(talk):
        await talk.speaks(0.15)
        await talk.listens(2.0)
        assert talk.of(NothingHeard) == [NothingHeard(1, failed=False)]

    rehearse(scene)
