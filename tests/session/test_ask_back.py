"""What was probably misheard is asked back once, and not answered, remembered or asked back twice in a row."""

from shipped_rules import rules

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.effects import ResponseKind
from voiceagent.session.machine import step
from voiceagent.session.state import State
from voiceagent.testing import Callers, run_virtual

RULES = rules(greet=False, min_confidence=0.5)


def understood(state, text, confidence, at):
    """Speak, pause, be understood with that confidence, and stop; return the state and what was begun."""
    fork = state.fork + 1
    effects = ()
    for event in (
        ev.SpeechStarted(at),
        ev.SpeechPaused(at + 1, 1.0),
        ev.FinalTranscript(at + 1.1, fork, text, confidence=confidence),
        ev.SpeechStopped(at + 1.2),
        ev.TurnJudged(at + 1.3, fork, 0.99),
    ):
        state, new = step(state, event)
        effects += new
    return state, [(effect.kind, effect.text) for effect in effects if isinstance(effect, fx.Respond)]


def answered(state, at):
    """Let the agent finish."""
    for event in (ev.PlayoutStarted(at, state.generation), ev.PlayoutFinished(at + 1, state.generation)):
        state, _ = step(state, event)
    return state


def opened(rules=RULES):
    return step(State(rules), ev.Opened(0.0))[0]


def test_a_doubtful_transcript_is_asked_back_and_the_next_one_is_answered_whatever_it_is():
    state, begun = understood(opened(), "why is the spagula", 0.3, at=1.0)
    assert begun == [(ResponseKind.ASK_BACK, "why is the spagula")]
    assert state.response.released
    state, begun = understood(answered(state, 3.0), "why is the spagula", 0.3, at=5.0)
    assert begun == [(ResponseKind.REPLY, "why is the spagula")]
    state, begun = understood(answered(state, 7.0), "and the moon mats", 0.3, at=9.0)
    assert begun == [(ResponseKind.ASK_BACK, "and the moon mats")]


def test_a_sure_transcript_and_one_without_a_confidence_are_answered():
    for confidence in (0.5, 0.9, None):
        assert understood(opened(), "why is the sky blue", confidence, at=1.0)[1][0][0] is ResponseKind.REPLY


def test_nothing_is_asked_back_where_that_is_off():
    off = rules(greet=False, min_confidence=0.0)
    assert understood(opened(off), "why is the spagula", 0.0, at=1.0)[1][0][0] is ResponseKind.REPLY


def test_the_agent_says_so_and_remembers_neither_the_words_nor_its_question():
    seen = []

    def reply(messages):
        seen.append(messages)
        return "Light is scattered."

    async def scene():
        settings = ["session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn"]
        script = ["why is the spagula", "why is the sky blue"]
        with Callers("scripted.yaml", settings, asr=script, llm=reply) as callers:
            callers.engines.asr.confidence = 0.2
            talk = callers.call()
            await talk.speaks(2.0)
            await talk.listens(6.0)
            assert talk.turns[0].user_text == "why is the spagula"
            assert talk.turns[0].agent_text == "Sorry, I didn't catch that. Could you say it again?"
            await talk.speaks(2.0)
            await talk.listens(6.0)
            assert talk.turns[1].agent_text == "Light is scattered."
            assert [(m.role, m.content) for m in seen[-1][1:]] == [("user", "why is the sky blue")]

    run_virtual(scene())
