"""The rules for what is said on a question's last words, for the agent's own voice, and for sounds that do not end."""

from dataclasses import replace

import pytest
from test_machine import RULES, Talk

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.effects import ResponseKind
from voiceagent.session.end_of_turn import learn_pause
from voiceagent.session.patience import Expected
from voiceagent.session.silences import REACTION_S
from voiceagent.session.state import User


def asking(text="Shall I?"):
    talk = Talk().agent_speaks()
    return talk.feed(ev.Concluding(2.6, talk.state.generation, text))


def test_a_sign_of_attention_on_a_question_s_last_words_ends_it_and_is_a_turn():
    talk = asking().says("sure", at=3.0, speech_s=0.2)
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED
    talk.stops(3.5).judged(0.99, 3.6)
    assert talk.did(fx.Release)
    assert talk.state.response.text == "sure"


def test_the_last_words_of_a_statement_ask_for_nothing():
    talk = asking("I shall.").says("sure", at=3.0, speech_s=0.2).stops(3.5)
    assert not talk.did(fx.End)
    assert talk.did(fx.SetAside) == [fx.SetAside(2, "sure")]
    assert talk.did(fx.Resume)


def test_what_was_asked_is_known_until_the_next_response():
    assert asking("Your name, please?").state.expected is Expected.DICTATION
    talk = asking().says("sure", at=3.0)
    assert talk.state.expected is Expected.ANSWER
    assert talk.stops(4.2).judged(0.99, 4.3).state.expected is Expected.NOTHING


def goes_on_at(talk, at):
    """The user, whose turn seemed over, speaks on."""
    return talk.feed(ev.SpeechStarted(at), ev.PartialTranscript(at + 0.9, "and then what happened"))


@pytest.mark.parametrize("heard", [False, True])
def test_an_answer_into_a_pause_teaches_how_long_the_user_pauses(heard):
    talk = Talk().says("how are you").stops(2.2).judged(0.99)
    if heard:
        talk.feed(ev.PlayoutStarted(2.7, talk.state.generation))
    goes_on_at(talk, 3.0)
    assert [end.outcome for end in talk.did(fx.End)] == [ev.Outcome.INTERRUPTED]
    assert talk.state.pause_s == learn_pause(0.0, 3.0 - 2.2 + RULES.stop_s)


def test_what_comes_as_a_reaction_or_long_after_is_no_pause():
    assert goes_on_at(Talk().agent_speaks(), 2.5 + REACTION_S).state.pause_s == 0.0
    late = Talk().says("how are you").stops(2.2).judged(0.99)
    assert goes_on_at(late, 2.2 + RULES.max_wait_s).state.pause_s == 0.0


def test_a_cough_into_the_beginning_of_an_answer_teaches_nothing():
    talk = Talk().says("how are you").stops(2.2).judged(0.99)
    talk.feed(ev.SpeechStarted(2.8), ev.SpeechPaused(3.0, 0.1), ev.FinalTranscript(3.1, 2, ""), ev.SpeechStopped(3.2))
    assert talk.state.response is not None
    assert talk.state.pause_s == 0.0


def test_the_conclusion_of_a_response_that_is_over_changes_nothing():
    talk = Talk().agent_speaks()
    talk.feed(ev.Concluding(2.6, talk.state.generation - 1, "Shall I?"))
    assert not talk.state.response.asking


def test_a_sound_like_the_agent_s_own_does_not_pause_it_and_its_words_are_no_turn():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0, own=True))
    assert not talk.did(fx.Pause)
    talk.feed(ev.PartialTranscript(3.4, "", own=True), ev.SpeechPaused(3.6, 0.6))
    talk.feed(ev.FinalTranscript(3.7, talk.state.fork, "", own=True), ev.SpeechStopped(3.8))
    assert talk.state.user is User.SILENT
    assert talk.state.response.released


def test_another_voice_over_the_agent_s_own_pauses_it():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0, own=True), ev.SpeechStarted(3.3))
    assert talk.did(fx.Pause)
    assert any(timer.timer is ev.Timer.INTERRUPT for timer in talk.did(fx.SetTimer))


def test_words_over_the_agent_s_own_interrupt_it():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0, own=True), ev.PartialTranscript(3.4, "no stop"))
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED


def test_the_agent_goes_on_at_once_when_the_sound_that_paused_it_is_its_own():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0))
    assert talk.did(fx.Pause)
    talk.feed(ev.PartialTranscript(3.3, "", own=True))
    assert talk.did(fx.Resume)
    assert fx.CancelTimer(ev.Timer.INTERRUPT) in talk.effects


def test_the_agent_s_own_voice_is_nobody_who_is_there():
    talk = Talk(RULES).agent_speaks()
    talk.feed(ev.PlayoutFinished(4.0, talk.state.generation))
    talk.state = replace(talk.state, nudged=True)
    talk.feed(ev.SpeechStarted(5.0, own=True))
    assert talk.state.nudged
    talk.feed(ev.SpeechPaused(5.5, 0.5), ev.FinalTranscript(5.6, talk.state.fork, "", own=True), ev.SpeechStopped(5.7))
    assert talk.state.nudged


def test_speech_without_a_pause_is_answered_and_its_sound_does_not_interrupt():
    talk = Talk().feed(ev.SpeechStarted(1.0))
    assert fx.SetTimer(ev.Timer.MAX_SPEECH, RULES.max_speech_s) in talk.effects
    talk.feed(ev.TimerFired(61.0, ev.Timer.MAX_SPEECH))
    talk.feed(ev.FinalTranscript(61.1, talk.state.fork, "on and on"))
    assert [(effect.kind, effect.text) for effect in talk.did(fx.Respond)] == [(ResponseKind.REPLY, "on and on")]
    assert talk.did(fx.Release)
    assert not talk.did(fx.Pause)
    assert talk.state.user is User.SPEAKING
    talk.feed(ev.PlayoutStarted(61.5, 1), ev.PartialTranscript(62.5, "and further"))
    assert not talk.did(fx.End)


def test_it_can_interrupt_again_once_it_has_paused():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.TimerFired(61.0, ev.Timer.MAX_SPEECH))
    talk.feed(ev.FinalTranscript(61.1, talk.state.fork, "on and on"), ev.PlayoutStarted(61.5, 1))
    talk.feed(ev.SpeechPaused(62.0, 1.0), ev.SpeechStopped(62.2), ev.SpeechStarted(63.0))
    assert talk.did(fx.Pause)


def test_silence_ends_speech_whose_pause_came_under_other_rules():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.SpeechStopped(2.0))
    assert talk.state.user is User.WAITING
    assert talk.did(fx.Finalise)
