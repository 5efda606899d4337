"""What is uttered over the agent is judged by what it is: words, a tic, or a sound in which no word is understood."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_answered_early import QUESTION, TALE, ask, replies
from test_conversation import rehearse
from test_machine import RULES, Talk

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.reports import UserTextWithdrawn, UserTurnEnded
from voiceagent.session.silences import MORE_S
from voiceagent.session.sounds import NO_WORDS_S

TICS = ["Um.", "Uh...", "Er.", "Ha ha ha.", "Ahem.", "Achoo!", "Ouch.", "Oops.", "[laughter]", "Ha ha, right."]


@pytest.mark.parametrize("into_s", [0.6, 2.2, 4.0])
def test_what_slips_out_while_the_agent_tells_something_is_ignored_and_seen_to_be(into_s):
    async def scene(talk):
        for tic in TICS:
            talk.clear()
            await ask(talk, into_s)
            await talk._say(tic, None)
            assert [turn.text for turn in talk.of(UserTurnEnded)] == ["please tell me about it"]
            assert [aside.text for aside in talk.of(UserTextWithdrawn)] == [tic]
            assert talk.heard.endswith(TALE)

    rehearse(scene, llm=replies(TALE))


@pytest.mark.parametrize("words", ["Um, wait.", "Ha, no.", "Uh, one question."])
def test_words_after_it_interrupt(words):
    async def scene(talk):
        await ask(talk, 1.5)
        await talk._say(words, None)
        assert [turn.text for turn in talk.of(UserTurnEnded)][-1] == words
        assert talk.heard.endswith("Very well.")

    rehearse(scene, llm=replies(TALE))


def test_an_um_on_the_last_words_of_a_question_begins_its_answer():
    async def scene(talk):
        await ask(talk, 2.1)
        await talk._say("Um.", 0.8)
        await talk._say("Tomorrow, please.", None)
        assert [turn.text for turn in talk.of(UserTurnEnded)][-1] == "Um. Tomorrow, please."
        assert not talk.of(UserTextWithdrawn)

    rehearse(scene, llm=replies(QUESTION))


def sound(*, understood):
    """The agent speaks, and has paused for a sound; `understood` comes of it from the recogniser."""
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0))
    assert talk.did(fx.Pause)
    return talk.feed(*(ev.PartialTranscript(3.45, text) for text in understood))


def lasts(talk):
    """Let the sound last until something becomes of the agent; return it, and when that is."""
    at, after_s = 3.0, talk.state.rules.interrupt_after_s
    while not (talk.did(fx.End) or talk.did(fx.Resume)):
        at += after_s
        talk.feed(ev.TimerFired(at, ev.Timer.INTERRUPT))
        after_s = next((one.delay_s for one in talk.did(fx.SetTimer) if one.timer is ev.Timer.INTERRUPT), 0.0)
    return talk, at


def test_a_sound_of_which_nothing_is_known_interrupts_when_it_has_lasted():
    talk, at = lasts(sound(understood=[]))
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED
    assert at == 3.0 + talk.state.rules.interrupt_after_s


@pytest.mark.parametrize("understood", ["", "Ha ha ha.", "Mm-hm."])
def test_a_sound_without_words_does_not_interrupt_however_long_it_is_and_the_agent_goes_on_over_it(understood):
    talk, at = lasts(sound(understood=[understood]))
    assert talk.did(fx.Resume)
    assert at - 3.0 == pytest.approx(NO_WORDS_S)
    assert not talk.did(fx.End)


@given(st.floats(3, 100_000), st.floats(0, 0.5))
@example(17.23999999999972, 0.0)
def test_a_wordless_sound_is_decided_by_a_few_alarms_whatever_the_clock_rounds(began, before_s):
    """An alarm that rings at the moment it was set, again and again, would hang a virtual clock."""
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(began), ev.PartialTranscript(began, ""))
    talk.state = replace(talk.state, speech_s=before_s)
    at, after_s = began, talk.state.rules.interrupt_after_s - before_s
    for _ in range(4):
        at += after_s
        talk.feed(ev.TimerFired(at, ev.Timer.INTERRUPT))
        if talk.did(fx.Resume):
            return
        (after_s,) = (one.delay_s for one in talk.did(fx.SetTimer))
    raise AssertionError(f"the alarm is set for {after_s} s again and again")


@pytest.mark.parametrize(("word", "hum"), [("Her.", True), ("Bed", True), ("No.", False), ("Waiting", False)])
@pytest.mark.parametrize("speech_s", [0.8, 0.95, 1.1])
def test_a_hum_in_which_a_word_is_understood_is_too_long_for_it(word, hum, speech_s):
    talk = sound(understood=[word[:2], word])
    talk.feed(ev.TimerFired(3.8, ev.Timer.INTERRUPT))
    if not talk.did(fx.End):
        talk.feed(ev.PartialTranscript(3.0 + speech_s, word), ev.SpeechPaused(3.0 + speech_s, speech_s))
        talk.feed(ev.FinalTranscript(3.1 + speech_s, talk.state.fork, word), ev.SpeechStopped(3.2 + speech_s))
    assert bool(talk.did(fx.Resume)) is hum
    assert bool(talk.did(fx.End)) is not hum


def test_a_word_drawn_out_on_the_last_words_of_a_question_is_its_answer():
    talk = Talk().agent_speaks().feed(ev.Concluding(2.9, 1, "Which one?"), ev.SpeechStarted(3.0))
    talk.feed(ev.PartialTranscript(3.6, "Red"), ev.TimerFired(3.8, ev.Timer.INTERRUPT))
    assert talk.did(fx.End)


def test_a_hum_that_becomes_a_sentence_interrupts():
    talk, _ = lasts(sound(understood=["Her."]))
    talk.feed(ev.PartialTranscript(5.0, "Hmm, I would rather have the other one"))
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED


def test_words_in_it_interrupt_all_the_same():
    talk, _ = lasts(sound(understood=["Ha ha."]))
    talk.feed(ev.PartialTranscript(5.0, "Ha ha. No, stop"))
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED


def test_a_gap_in_it_begins_nothing_new():
    talk = sound(understood=["Ha."]).feed(ev.SpeechPaused(4.0, 1.0))
    talk.feed(ev.FinalTranscript(4.05, talk.state.fork, "Ha ha."), ev.SpeechStarted(4.1))
    assert [effect.delay_s for effect in talk.did(fx.SetTimer) if effect.timer is ev.Timer.INTERRUPT] == [0.0]
    talk.feed(ev.TimerFired(4.1, ev.Timer.INTERRUPT), ev.TimerFired(4.3, ev.Timer.INTERRUPT))
    assert not talk.did(fx.End)
    assert talk.did(fx.Resume)


@pytest.mark.parametrize(("confidence", "speech_s", "meant"), [(0.9, 0.4, True), (0.3, 0.4, False), (0.3, 1.0, True)])
def test_a_short_sound_of_whose_words_the_recogniser_is_not_sure_is_not_meant(confidence, speech_s, meant):
    talk = sound(understood=[]).feed(ev.SpeechPaused(3.0 + speech_s, speech_s))
    talk.feed(ev.FinalTranscript(3.1 + speech_s, talk.state.fork, "thank you", confidence=confidence))
    assert bool(talk.did(fx.End)) is meant
    talk.feed(ev.SpeechStopped(3.2 + speech_s), ev.TimerFired(3.2 + speech_s + MORE_S, ev.Timer.UNDECIDED))
    assert talk.did(fx.SetAside) == ([] if meant else [fx.SetAside(2, "thank you")])


@pytest.mark.parametrize(
    ("text", "confidence", "meant"),
    [("Not only.", 0.69, False), ("Not only.", 0.71, True), ("Hold on.", 0.51, True), ("Hold on.", 0.49, False)],
)
@pytest.mark.parametrize("speech_s", [0.5, 0.9])
def test_a_little_sentence_must_be_understood_well_unless_it_is_long_or_people_interrupt_by_it(
    text, confidence, meant, speech_s
):
    assert RULES.min_confidence == 0.5
    talk = sound(understood=[]).feed(ev.SpeechPaused(3.0 + speech_s, speech_s))
    talk.feed(ev.FinalTranscript(3.1 + speech_s, talk.state.fork, text, confidence=confidence))
    assert bool(talk.did(fx.End)) is (meant or speech_s >= RULES.interrupt_after_s)


def test_a_word_that_does_not_interrupt_is_the_first_of_more_if_more_comes_soon():
    talk = sound(understood=[]).feed(ev.SpeechPaused(3.5, 0.5), ev.FinalTranscript(3.6, 2, "The table,"))
    talk.feed(ev.SpeechStopped(3.7))
    assert not talk.did(fx.Resume), "the agent does not speak into the gap"
    talk.feed(ev.SpeechStarted(3.9), ev.PartialTranscript(4.3, "The table, please make it"))
    assert talk.did(fx.End)[0].outcome is ev.Outcome.INTERRUPTED
    talk.feed(ev.SpeechPaused(4.9, 1.0), ev.FinalTranscript(5.0, 3, "The table, please make it two."))
    assert [effect.text for effect in talk.did(fx.Respond)] == ["The table, please make it two."]


@pytest.mark.parametrize(("word", "waits"), [("Because,", True), ("Mm-hm.", False), ("Ha ha.", False), ("", False)])
def test_the_agent_goes_on_at_once_after_what_has_no_words_and_soon_after_a_word(word, waits):
    talk = sound(understood=[]).feed(ev.SpeechPaused(3.5, 0.5), ev.FinalTranscript(3.6, 2, word))
    talk.feed(ev.SpeechStopped(3.7))
    assert bool(talk.did(fx.Resume)) is not waits
    if waits:
        assert fx.SetTimer(ev.Timer.UNDECIDED, MORE_S) in talk.effects
        assert talk.feed(ev.TimerFired(3.7 + MORE_S, ev.Timer.UNDECIDED)).did(fx.Resume)


def test_words_of_a_short_sound_are_waited_for_to_its_end_while_the_agent_has_paused():
    talk = sound(understood=["sure thing"])
    assert not talk.did(fx.End)
    talk.feed(ev.PartialTranscript(3.9, "sure thing but"))
    assert talk.did(fx.End)


def test_words_before_a_gap_are_not_forgotten():
    talk = sound(understood=["No"]).feed(ev.SpeechPaused(3.9, 0.9), ev.SpeechStarted(4.0))
    talk.feed(ev.TimerFired(4.0, ev.Timer.INTERRUPT))
    assert talk.did(fx.End)


def test_a_word_by_which_nobody_interrupts_does_not_and_one_by_which_they_do_does():
    for word, meant in (("mama", False), ("well", False), ("wait", True), ("no", True)):
        talk = Talk().agent_speaks().says(word, at=3.0, speech_s=0.4)
        assert bool(talk.did(fx.End)) is meant, word
