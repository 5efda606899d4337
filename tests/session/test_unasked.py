"""What the agent says unasked: a text that it is given, or what the model makes of instructions."""

from dataclasses import replace

from shipped_rules import rules
from test_conversation import LONG_REPLY, QUESTION, REAL, outcomes, rehearse
from test_machine import RULES, Talk

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.history import GO_ON
from voiceagent.session.machine import step
from voiceagent.session.state import State, User

NEWS = "Your taxi is here."


def news(at, **how):
    return ev.SayRequested(at, NEWS, **how)


# The rules


def test_on_a_free_floor_it_is_said_at_once():
    talk = Talk().feed(news(1.0))
    assert talk.did(fx.Respond) == [fx.Respond(1, fx.ResponseKind.SAID, NEWS)]
    assert talk.did(fx.Release) == [fx.Release(1)]


def test_it_waits_for_the_agent_to_finish():
    talk = Talk().agent_speaks().feed(news(3.0))
    assert not talk.effects
    talk.feed(ev.PlayoutFinished(5.0, 1))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.COMPLETED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.SAID, NEWS)]


def test_it_waits_for_the_users_turn_and_for_its_answer():
    talk = Talk().feed(ev.SpeechStarted(1.0), news(1.5))
    assert not talk.did(fx.Respond)
    talk.says("how are you").stops().judged(0.99)
    assert [effect.kind for effect in talk.did(fx.Respond)] == []
    assert talk.state.response.kind is fx.ResponseKind.REPLY
    talk.feed(ev.PlayoutStarted(2.5, 1), ev.PlayoutFinished(4.0, 1))
    assert [effect.kind for effect in talk.did(fx.Respond)] == [fx.ResponseKind.SAID]


def test_after_a_cough_it_is_said():
    talk = Talk().feed(ev.SpeechStarted(1.0), news(1.1), ev.SpeechPaused(1.2, 0.1), ev.SpeechStopped(1.4))
    assert not talk.did(fx.Respond)
    talk.feed(ev.FinalTranscript(1.5, talk.state.fork, ""))
    assert [effect.kind for effect in talk.did(fx.Respond)] == [fx.ResponseKind.SAID]


def test_what_is_urgent_takes_the_place_of_what_the_agent_says_and_the_user_has_begun():
    talk = Talk().agent_speaks().feed(news(3.0, interrupt=True))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert talk.did(fx.Release) == [fx.Release(2)]
    talk = Talk().says("how are you").feed(news(2.2, interrupt=True))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.CANCELLED)]
    assert talk.did(fx.CommitAudio)
    assert talk.state.user is User.SILENT
    assert talk.state.response.kind is fx.ResponseKind.SAID


def test_wishes_are_granted_in_order_and_what_is_urgent_comes_first():
    talk = Talk().agent_speaks().feed(news(3.0), ev.ReplyRequested(3.1, "Ask for the name."), news(3.2, interrupt=True))
    kinds = [talk.state.response.kind]
    for generation in (2, 3):
        talk.feed(ev.PlayoutFinished(4.0 + generation, generation))
        kinds.append(talk.state.response.kind)
    assert kinds == [fx.ResponseKind.SAID, fx.ResponseKind.SAID, fx.ResponseKind.PROMPTED]
    assert talk.state.response.text == "Ask for the name."


def test_what_is_wished_for_before_the_door_opens_follows_the_greeting():
    state, effects = step(State(rules(greet=True)), news(0.0))
    assert not effects
    state, effects = step(state, ev.Opened(0.1))
    assert fx.Respond(1, fx.ResponseKind.GREETING, "") in effects
    state, effects = step(state, ev.PlayoutFinished(1.0, 1))
    assert fx.Respond(2, fx.ResponseKind.SAID, NEWS) in effects


def test_it_can_be_interrupted_like_any_answer():
    talk = Talk().feed(news(1.0), ev.PlayoutStarted(1.2, 1), ev.SpeechStarted(2.0))
    assert talk.did(fx.Pause) == [fx.Pause(1)]
    talk.feed(ev.PartialTranscript(2.9, "wait a moment"))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]


def test_silence_on_both_sides_is_noticed_after_it():
    talk = Talk(replace(RULES, idle_s=20.0)).feed(news(1.0))
    assert fx.CancelTimer(ev.Timer.IDLE) in talk.effects
    assert fx.SetTimer(ev.Timer.IDLE, 20.0) in talk.feed(ev.PlayoutFinished(3.0, 1)).effects


def test_a_text_without_a_word_is_no_text():
    assert not Talk().feed(ev.SayRequested(1.0, " ... ")).effects


# Whole conversations


def test_what_was_said_unasked_is_remembered_and_what_was_not_heard_of_it_is_not():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return "Fine."

    async def scene(talk):
        talk.session.say(LONG_REPLY)
        await talk.listens(2.5)
        await talk.speaks(3.0)
        await talk.listens(4.0)
        assert outcomes(talk) == ["interrupted", "completed"]
        heard = prompts[-1][-2]
        assert heard.role == "assistant"
        assert heard.content
        assert LONG_REPLY.startswith(heard.content)
        assert heard.content != LONG_REPLY
        assert prompts[-1][-1] == Message("user", QUESTION)

    rehearse(scene, llm=ScriptedLlm(reply, **REAL))


def test_the_model_is_asked_with_instructions_that_it_forgets():
    prompts = []

    def reply(messages):
        prompts.append([(message.role, message.content) for message in messages[1:]])
        return "What is your name?" if len(prompts) < 3 else "That is a fine name."

    async def scene(talk):
        talk.session.respond("Ask for the user's name.")
        await talk.listens(3.0)
        talk.session.respond()
        await talk.listens(3.0)
        talk.session.type("Robin")
        await talk.listens(3.0)
        assert prompts == [
            [("user", "Ask for the user's name.")],
            [("assistant", "What is your name?"), ("user", GO_ON)],
            [("assistant", "What is your name? What is your name?"), ("user", "Robin")],
        ]
        assert [trace.user_text for trace in talk.turns] == ["", "", "Robin"]
        assert [trace.agent_text for trace in talk.turns] == ["What is your name?"] * 2 + ["That is a fine name."]
        assert [trace.waited_s for trace in talk.turns] == [None] * 3, "nobody has waited"

    rehearse(scene, llm=ScriptedLlm(reply, **REAL))


def test_a_cough_long_before_does_not_count_as_the_beginning_of_an_unasked_answer():
    async def scene(talk):
        await talk.speaks(0.15)
        await talk.listens(20.0)
        talk.session.respond()
        await talk.listens(5.0)
        assert [trace.voice_to_voice_ms for trace in talk.turns] == [None]

    rehearse(scene)


def test_what_is_urgent_is_heard_soon_though_the_agent_speaks():
    async def scene(talk):
        talk.session.type("tell me everything")
        await talk.listens(2.0)
        talk.session.say(NEWS, interrupt=True)
        await talk.listens(3.0)
        assert outcomes(talk) == ["interrupted", "completed"]
        assert talk.said.endswith(NEWS)

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_a_model_that_fails_unasked_apologises_and_what_waits_is_said_then():
    async def scene(talk):
        talk.session.respond()
        talk.session.say(NEWS)
        await talk.listens(10.0)
        assert outcomes(talk) == ["failed", "completed", "completed"]
        assert talk.said.endswith(NEWS)

    rehearse(scene, llm=ScriptedLlm(fail_at=1, **REAL))


def test_nothing_is_said_after_hanging_up():
    async def scene(talk):
        talk.session.say(LONG_REPLY)
        talk.session.say(NEWS)
        await talk.listens(1.0)
        talk.session.close()
        talk.session.say(NEWS)
        talk.session.respond()
        await talk.listens(3.0)
        assert outcomes(talk) == ["interrupted"]
        assert NEWS not in talk.said

    rehearse(scene)
