"""Turns that the user ends by hand, by a key or a button: speech by itself ends and interrupts nothing."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from shipped_rules import rules
from test_conversation import LONG_REPLY, QUESTION, REAL, outcomes, rehearse
from test_machine import Talk

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.reports import (
    AgentPaused,
    EngineFailed,
    NothingHeard,
    ResponseStarted,
    UserStarted,
    UserStopped,
    UserText,
    UserTurnEnded,
)
from voiceagent.session.state import User
from voiceagent.testing.sound import silence, voice

MANUAL = rules(greet=False, manual=True)


def by_hand(talk, **changes):
    talk.session.configure(
        replace(talk.session.config, rules=replace(talk.session.config.rules, manual=True, **changes))
    )


def heard(talk):
    return [turn.text for turn in talk.of(UserTurnEnded)]


# The rules


def test_speech_does_nothing_by_itself_but_is_shown():
    talk = Talk(MANUAL).feed(ev.SpeechStarted(1.0), ev.PartialTranscript(1.5, "how are"))
    assert talk.did(fx.ShowUser) == [fx.ShowUser(1, "how are", final=False)]
    assert talk.did(fx.ShowFloor) == [fx.ShowFloor(fx.Floor.USER)]
    talk.feed(ev.SpeechPaused(2.0, 1.0), ev.SpeechStopped(2.2))
    assert talk.effects == (fx.ShowFloor(fx.Floor.NOBODY),)


def test_the_turn_ends_when_it_is_committed_and_its_transcript_is_known():
    talk = Talk(MANUAL).feed(ev.SpeechStarted(1.0), ev.SpeechPaused(2.0, 1.0), ev.SpeechStopped(2.2))
    talk.feed(ev.TurnCommitted(4.0))
    assert talk.did(fx.Finalise) == [fx.Finalise(1)]
    assert not talk.did(fx.Respond)
    talk.feed(ev.FinalTranscript(4.1, 1, "how are you"))
    assert talk.did(fx.Respond) == [fx.Respond(1, fx.ResponseKind.REPLY, "how are you")]
    assert talk.did(fx.Release)
    assert talk.did(fx.CommitAudio)
    assert talk.state.turn == 2


def test_a_turn_without_words_comes_to_nothing_and_says_so():
    talk = Talk(MANUAL).feed(ev.TurnCommitted(1.0), ev.FinalTranscript(1.1, 1, ""))
    assert talk.did(fx.ShowNothing) == [fx.ShowNothing(1, failed=False)]
    assert talk.did(fx.CommitAudio)
    assert not talk.did(fx.Respond)
    assert talk.state.turn == 1


def test_a_committed_turn_that_the_recogniser_failed_at_is_apologised_for():
    talk = Talk(MANUAL).feed(ev.TurnCommitted(1.0), ev.FinalTranscript(1.1, 1, "", failed=True))
    assert talk.did(fx.ShowNothing) == [fx.ShowNothing(1, failed=True)]
    assert [effect.kind for effect in talk.did(fx.Respond)] == [fx.ResponseKind.APOLOGY]


def test_the_agent_is_interrupted_by_the_turn_and_not_by_the_speech():
    talk = Talk(MANUAL).feed(ev.Typed(1.0, "hello"), ev.PlayoutStarted(1.5, 1))
    talk.feed(ev.SpeechStarted(2.0), ev.PartialTranscript(2.5, "wait a moment"), ev.SpeechPaused(3.0, 1.0))
    assert not talk.did(fx.Pause)
    talk.feed(ev.TurnCommitted(3.1))
    assert not talk.did(fx.End)
    talk.feed(ev.FinalTranscript(3.2, 1, "wait a moment"))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert talk.did(fx.Release) == [fx.Release(2)]


def test_a_turn_that_comes_to_nothing_lets_the_agent_speak_on():
    talk = Talk(MANUAL).feed(ev.Typed(1.0, "hello"), ev.PlayoutStarted(1.5, 1))
    talk.feed(ev.TurnCommitted(3.1), ev.FinalTranscript(3.2, 1, ""))
    assert not talk.did(fx.End)
    assert talk.state.response.generation == 1


def test_speech_after_the_commit_belongs_to_the_next_turn():
    talk = Talk(MANUAL).feed(ev.SpeechStarted(1.0), ev.TurnCommitted(2.0), ev.SpeechStarted(2.1))
    talk.feed(ev.FinalTranscript(2.2, 1, "how are you"))
    assert talk.did(fx.Release) == [fx.Release(1)]
    talk.feed(ev.PartialTranscript(2.6, "and you"))
    assert talk.did(fx.ShowUser) == [fx.ShowUser(2, "and you", final=False)]


def test_an_automatic_turn_is_ended_at_once_by_hand():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.TurnCommitted(2.0))
    assert talk.did(fx.Finalise) == [fx.Finalise(1)]
    talk.feed(ev.FinalTranscript(2.1, 1, "well I would like to"))
    assert talk.did(fx.Release) == [fx.Release(1)]


def test_an_automatic_turn_that_has_paused_is_ended_by_hand_with_the_answer_that_is_prepared():
    talk = Talk().says("well I would like to").feed(ev.TurnCommitted(2.2))
    assert not talk.did(fx.Finalise)
    assert talk.did(fx.Release) == [fx.Release(1)]


def test_an_automatic_turn_goes_on_after_one_that_was_ended_by_hand():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.TurnCommitted(2.0), ev.SpeechStarted(2.1))
    assert talk.state.user is User.WAITING
    talk.feed(ev.FinalTranscript(2.2, 1, "how are you"))
    assert talk.did(fx.Release) == [fx.Release(1)]
    assert talk.did(fx.Pause) == [fx.Pause(1)], "the user speaks"
    assert talk.state.user is User.SPEAKING


def test_a_word_that_would_not_interrupt_does_when_it_is_committed():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0), ev.TurnCommitted(3.2))
    talk.feed(ev.FinalTranscript(3.3, talk.state.fork, "mm-hm"))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]


def test_what_is_discarded_is_no_turn():
    talk = Talk().says("how are you").feed(ev.TurnDiscarded(2.1))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.CANCELLED)]
    assert talk.effects.index(fx.Finalise(2)) < talk.effects.index(fx.CommitAudio()), "all that was heard is forgotten"
    assert talk.state.user is User.SILENT
    assert not talk.feed(ev.FinalTranscript(2.2, 2, "how are you")).effects


def test_what_made_the_agent_pause_can_be_discarded():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0), ev.TurnDiscarded(3.2))
    assert talk.did(fx.Resume) == [fx.Resume(1)]


def test_a_turn_that_is_over_cannot_be_discarded_any_more():
    talk = Talk(MANUAL).feed(ev.TurnCommitted(1.0), ev.TurnDiscarded(1.1), ev.FinalTranscript(1.2, 1, "how are you"))
    assert talk.did(fx.Release) == [fx.Release(1)]


def test_a_turn_that_typed_words_take_the_place_of_is_reported_too():
    talk = Talk(MANUAL).feed(ev.TurnCommitted(1.0), ev.Typed(1.1, "never mind"))
    assert talk.did(fx.ShowNothing) == [fx.ShowNothing(1, failed=False)]
    assert talk.did(fx.Respond) == [fx.Respond(1, fx.ResponseKind.REPLY, "never mind")]


def test_a_user_who_holds_the_button_for_long_is_not_asked_whether_they_are_there():
    talk = Talk(replace(MANUAL, idle_s=20.0)).feed(ev.SpeechStarted(1.0), ev.TimerFired(21.0, ev.Timer.IDLE))
    assert talk.did(fx.SetTimer)[-1] == fx.SetTimer(ev.Timer.IDLE, 20.0)
    assert not talk.did(fx.Respond)
    talk.feed(ev.SpeechStopped(30.0), ev.TimerFired(41.0, ev.Timer.IDLE))
    assert [effect.kind for effect in talk.did(fx.Respond)] == [fx.ResponseKind.IDLE]


def test_rules_that_change_in_the_midst_of_speech_lose_none_of_it():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.Configured(1.5, MANUAL), ev.SpeechPaused(2.0, 1.0))
    assert talk.state.user is User.SILENT
    assert not talk.did(fx.CommitAudio)
    talk = Talk(MANUAL).feed(ev.SpeechStarted(1.0), ev.Configured(1.5, rules(greet=False)), ev.SpeechPaused(2.0, 1.0))
    assert talk.did(fx.Finalise) == [fx.Finalise(1)]


# Whole conversations


def test_the_user_pauses_as_long_as_they_like():
    async def scene(talk):
        by_hand(talk)
        await talk.speaks(1.5)
        await talk.listens(5.0)
        await talk.speaks(1.5)
        await talk.listens(2.0)
        assert not talk.of(ResponseStarted)
        assert [type(one.report) for one in talk.reports if isinstance(one.report, UserStarted | UserStopped)] == [
            UserStarted,
            UserStopped,
        ] * 2
        talk.session.commit_turn()
        await talk.listens(8.0)
        assert heard(talk) == [QUESTION]
        assert outcomes(talk) == ["completed"]
        (trace,) = talk.turns
        assert trace.user_text == QUESTION
        assert 0 < trace.voice_to_voice_ms < 1_000, "counted from the moment at which the turn was ended"
        assert any(not text.final for text in talk.of(UserText))

    rehearse(scene)


def test_a_whole_turn_may_come_at_once_and_so_may_the_next():
    async def scene(talk):
        by_hand(talk, answer=False)
        for _ in range(2):
            talk.session.hear(np.concatenate((silence(0.5), voice(3.0), silence(0.1))))
            talk.session.commit_turn()
        await talk.listens(3.0)
        assert heard(talk) == [QUESTION, "one two three four five six seven eight nine"]

    rehearse(scene, asr=ScriptedAsr([QUESTION, "one two three four five six seven eight nine"], **REAL))


def test_nothing_heard_is_reported_and_the_recogniser_is_not_asked():
    async def scene(talk):
        by_hand(talk)
        for _ in range(3):
            await talk.listens(1.0)
            talk.session.commit_turn()
        await talk.listens(1.0)
        assert talk.of(NothingHeard) == [NothingHeard(1, failed=False)] * 3
        assert not heard(talk)
        await talk.speaks(3.0)
        talk.session.commit_turn()
        await talk.listens(6.0)
        assert heard(talk) == [QUESTION]

    rehearse(scene)


def test_what_was_discarded_is_not_in_the_turn():
    async def scene(talk):
        by_hand(talk)
        await talk.speaks(2.0)
        talk.session.discard_turn()
        await talk.listens(1.0)
        talk.session.commit_turn()
        await talk.listens(1.0)
        assert talk.of(NothingHeard) == [NothingHeard(1, failed=False)]
        await talk.speaks(3.0)
        talk.session.commit_turn()
        await talk.listens(6.0)
        assert heard(talk) == ["four five six seven eight nine ten eleven twelve"], "a turn of the script was dropped"

    rehearse(scene, asr=["one two three", "four five six seven eight nine ten eleven twelve"])


def test_the_agent_is_not_paused_by_speech():
    async def scene(talk):
        by_hand(talk)
        talk.session.type("hello")
        await talk.listens(2.0)
        await talk.speaks(3.0)
        assert not talk.of(AgentPaused)
        assert not outcomes(talk)
        talk.session.commit_turn()
        await talk.listens(1.0)
        assert outcomes(talk) == ["interrupted"]

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))


def test_an_automatic_turn_is_answered_sooner_by_hand():
    async def scene(talk):
        await talk.speaks(3.0)
        talk.session.commit_turn()
        await talk.listens(8.0)
        assert heard(talk) == [QUESTION]
        assert talk.turns[0].voice_to_voice_ms < 600
        assert outcomes(talk) == ["completed"]

    rehearse(scene, "turn.max_wait_ms=2500", "turn.cut_off_cost_s=50", turn=[0.1])


def test_turns_that_end_by_hand_survive_a_failing_detector():
    class Failing(ScriptedVad):
        def run(self, batch):
            if next(fails, False):
                raise RuntimeError("no voice activity detection")
            return super().run(batch)

    fails = iter([True] * 3)

    async def scene(talk):
        by_hand(talk)
        await talk.speaks(3.0)
        talk.session.commit_turn()
        await talk.listens(6.0)
        assert talk.of(EngineFailed)
        assert heard(talk) == [QUESTION]

    rehearse(scene, vad=Failing(**REAL))


def test_going_back_to_automatic_turns_hears_what_is_said_next():
    async def scene(talk):
        by_hand(talk)
        await talk.speaks(3.0)
        talk.session.commit_turn()
        await talk.listens(6.0)
        talk.session.configure(replace(talk.session.config, rules=replace(talk.session.config.rules, manual=False)))
        await talk.speaks(3.0)
        await talk.listens(6.0)
        assert heard(talk) == [QUESTION, "and what about the moon above the sea tonight"]
        assert outcomes(talk) == ["completed"] * 2

    rehearse(scene, asr=[QUESTION, "and what about the moon above the sea tonight"])


@pytest.mark.parametrize("lateness_s", [0.0, 0.5])
def test_what_comes_after_the_end_of_a_turn_is_the_next_ones(lateness_s):
    """Audio that is sent while a turn's transcript is still being made."""

    async def scene(talk):
        by_hand(talk, answer=False)
        talk.session.hear(voice(3.0))
        talk.session.commit_turn()
        await asyncio.sleep(lateness_s)
        talk.session.hear(voice(2.0))
        await asyncio.sleep(1.0)
        talk.session.commit_turn()
        await asyncio.sleep(1.0)
        assert heard(talk) == [QUESTION, "one two three four five six"]

    rehearse(scene, asr=[QUESTION, "one two three four five six seven eight nine"])
