"""Keys of a telephone: the model is told what was pressed, once it is complete."""

from dataclasses import replace

import pytest
from test_conversation import LONG_REPLY, REAL, outcomes, rehearse
from test_machine import Talk

from voiceagent.app.languages import PHRASES
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.errors import VoiceAgentError
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.by_hand import KEYS_S
from voiceagent.session.reports import ResponseStarted, UserTurnEnded


def pressed(talk):
    return [turn.text for turn in talk.of(UserTurnEnded)]


def test_keys_that_follow_each_other_belong_together():
    talk = Talk().feed(ev.KeyPressed(1.0, "1"), ev.KeyPressed(1.5, "2"))
    assert talk.effects == (fx.SetTimer(ev.Timer.KEYS, KEYS_S),) * 2
    assert talk.feed(ev.TimerFired(2.5, ev.Timer.KEYS)).did(fx.EnterKeys) == [fx.EnterKeys("12")]


def test_nothing_is_waited_for_after_the_last_key():
    talk = Talk().feed(ev.KeyPressed(1.0, "1"), ev.KeyPressed(1.1, "#"))
    assert talk.did(fx.EnterKeys) == [fx.EnterKeys("1#")]
    assert talk.effects[-2] == fx.CancelTimer(ev.Timer.KEYS)
    assert talk.state.keys == ""


def test_the_model_answers_what_was_pressed():
    async def scene(talk):
        talk.session.press("1")
        await talk.listens(0.8)
        talk.session.press("2")
        await talk.listens(0.8)
        assert not pressed(talk), "more may follow"
        await talk.listens(0.4)
        assert pressed(talk) == ["(The caller pressed 1 2.)"]
        await talk.listens(6.0)
        assert outcomes(talk) == ["completed"]
        talk.session.press("4a#9")
        await talk.listens(0.1)
        assert pressed(talk)[1:] == ["(The caller pressed 4 A #.)"]
        await talk.listens(1.0)
        assert pressed(talk)[2:] == ["(The caller pressed 9.)"]

    rehearse(scene)


def test_what_is_pressed_interrupts_as_what_is_typed_does():
    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(1.5)
        talk.session.press("0#")
        await talk.listens(0.5)
        assert outcomes(talk) == ["interrupted"]
        assert len(talk.of(ResponseStarted)) == 2

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_other_keys_are_refused_and_none_counts():
    async def scene(talk):
        with pytest.raises(VoiceAgentError, match="no key 'X'"):
            talk.session.press("12x")
        await talk.listens(2.0)
        assert not pressed(talk)
        talk.session.press("1")
        talk.hangs_up()
        await talk.listens(2.0)
        assert not pressed(talk)

    rehearse(scene)


def test_the_model_is_told_in_the_language_of_the_conversation():
    async def scene(talk):
        talk.session.press("5#")
        await talk.listens(0.1)
        assert pressed(talk) == ["(Am Telefon wurde 5 # gedrückt.)"]
        talk.session.configure(replace(talk.session.config, pressed="DTMF {keys}"))

    rehearse(scene, "session.language=de")
    assert all(phrases.pressed.count("{keys}") == 1 for phrases in PHRASES.values())
