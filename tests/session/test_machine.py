"""The rules of conversation, one sentence each."""

from dataclasses import replace

from shipped_rules import rules

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.machine import UNDECIDED_S, step
from voiceagent.session.state import State, User

RULES = rules(greet=False)


class Talk:
    """Feeds events at given times and remembers the effects of the last one."""

    def __init__(self, rules=RULES):
        self.state = State(rules)
        self.effects = ()
        self.feed(ev.Opened(0.0))

    def feed(self, *events):
        self.effects = ()
        for event in events:
            self.state, effects = step(self.state, event)
            self.effects += effects
        return self

    def says(self, text, at=1.0, speech_s=1.0):
        """Speak, pause, and be understood."""
        self.feed(ev.SpeechStarted(at), ev.SpeechPaused(at + speech_s, speech_s))
        return self.feed(ev.FinalTranscript(at + speech_s + 0.1, self.state.fork, text))

    def stops(self, at=2.2):
        return self.feed(ev.SpeechStopped(at))

    def judged(self, probability, at=2.3):
        return self.feed(ev.TurnJudged(at, self.state.fork, probability))

    def agent_speaks(self):
        """A whole turn of the user, and the response is being heard."""
        self.says("how are you").stops().judged(0.99)
        return self.feed(ev.PlayoutStarted(2.5, self.state.generation))

    def did(self, kind):
        return [effect for effect in self.effects if isinstance(effect, kind)]


def test_the_response_is_prepared_at_the_first_silence_and_released_when_the_turn_is_complete():
    talk = Talk().says("how are you")
    assert talk.did(fx.Respond) == [fx.Respond(1, fx.ResponseKind.REPLY, "how are you")]
    assert not talk.did(fx.Release)
    talk.stops().judged(0.99)
    assert talk.did(fx.Release) == [fx.Release(1)]
    assert talk.did(fx.CommitAudio)
    assert talk.state.turn == 2


def test_the_verdict_is_asked_for_at_the_first_silence_and_acted_on_when_the_silence_has_lasted():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.SpeechPaused(2.0, 1.0))
    assert talk.did(fx.Judge) == [fx.Judge(1)]
    talk.feed(ev.TurnJudged(2.1, 1, 0.99), ev.FinalTranscript(2.1, 1, "hello there"))
    assert not talk.did(fx.Release)
    assert talk.stops().did(fx.Release) == [fx.Release(1)]


def test_a_user_who_goes_on_makes_the_prepared_response_void():
    talk = Talk().says("how are")
    talk.says("how are you", at=2.2)
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.CANCELLED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "how are you")]


def test_a_prepared_response_is_kept_when_the_words_stay_the_same():
    talk = Talk().says("how are you")
    talk.says("How are you?", at=2.2)
    assert not talk.did(fx.End)
    assert talk.state.response.generation == 1


def test_an_incomplete_turn_waits_for_a_bounded_time():
    talk = Talk().says("i would like to").stops().judged(0.0)
    (timer,) = talk.did(fx.SetTimer)
    assert timer.timer is ev.Timer.END_OF_TURN
    assert timer.delay_s <= RULES.max_wait_s
    talk.feed(ev.TimerFired(3.5, ev.Timer.END_OF_TURN))
    assert talk.did(fx.Release)


def test_the_wait_is_shorter_when_the_words_make_a_finished_sentence():
    hanging = Talk().says("i would like to").stops().judged(0.1).did(fx.SetTimer)[0].delay_s
    finished = Talk().says("I would like some tea.").stops().judged(0.1).did(fx.SetTimer)[0].delay_s
    assert finished < hanging


def test_a_speaker_known_to_pause_is_given_more_time():
    quick = Talk().says("well I").stops().judged(0.4).did(fx.SetTimer)[0].delay_s
    talk = Talk().says("well I").stops(2.2).judged(0.4)
    talk.says("well I think", at=2.9).stops(4.1)
    slow = talk.judged(0.4, at=4.2).did(fx.SetTimer)[0].delay_s
    assert slow > quick


def test_without_a_detector_plain_silence_ends_the_turn():
    talk = Talk(replace(RULES, judge=False, silence_s=0.6, stop_s=0.2)).says("hello").stops()
    assert not talk.did(fx.Judge)
    assert talk.did(fx.SetTimer)[0].delay_s == 0.6 - 0.2
    assert talk.feed(ev.TimerFired(3.0, ev.Timer.END_OF_TURN)).did(fx.Release)


def test_without_preparation_the_response_starts_when_the_turn_is_complete():
    talk = Talk(replace(RULES, preemptive=False)).says("hello").stops()
    assert not talk.did(fx.Respond)
    talk.judged(0.99)
    assert talk.did(fx.Respond)
    assert talk.did(fx.Release)


def test_a_verdict_before_the_transcript_waits_for_it():
    talk = Talk().feed(ev.SpeechStarted(1), ev.SpeechPaused(2, 1.0)).stops().judged(0.99)
    assert not talk.did(fx.Respond)
    talk.feed(ev.FinalTranscript(2.4, talk.state.fork, "hello there"))
    assert talk.did(fx.Respond)
    assert talk.did(fx.Release)


def test_noise_without_words_is_no_turn():
    talk = Talk().says("").stops()
    assert not talk.did(fx.Respond)
    assert talk.did(fx.CommitAudio)
    assert talk.state.user is User.SILENT


def test_the_agent_pauses_at_once_when_the_user_makes_a_sound():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0))
    assert talk.did(fx.Pause) == [fx.Pause(1)]
    assert not talk.did(fx.End)


def test_a_cough_lets_the_agent_go_on():
    talk = Talk().agent_speaks().says("huh", at=3.0, speech_s=0.15).stops(3.4)
    assert talk.did(fx.Resume) == [fx.Resume(1)]
    assert talk.state.response.generation == 1
    assert talk.state.user is User.SILENT


def test_a_hum_of_attention_lets_the_agent_go_on():
    talk = Talk().agent_speaks().says("Mm-hm.", at=3.0, speech_s=0.4).stops(3.7)
    assert talk.did(fx.Resume)


def test_words_interrupt():
    talk = Talk().agent_speaks().says("no stop", at=3.0, speech_s=0.4)
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "no stop")]


def test_words_interrupt_while_the_user_still_speaks():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0), ev.PartialTranscript(3.9, "wait a"))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]


def test_long_speech_interrupts_before_a_word_is_understood():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0))
    (timer,) = (timer for timer in talk.did(fx.SetTimer) if timer.timer is ev.Timer.INTERRUPT)
    assert timer == fx.SetTimer(ev.Timer.INTERRUPT, RULES.interrupt_after_s)
    assert talk.feed(ev.TimerFired(3.5, ev.Timer.INTERRUPT)).did(fx.End)


def test_the_agent_does_not_stay_paused_for_a_transcript_that_never_comes():
    talk = Talk().agent_speaks().feed(ev.SpeechStarted(3.0), ev.SpeechPaused(3.2, 0.2), ev.SpeechStopped(3.4))
    assert fx.SetTimer(ev.Timer.UNDECIDED, UNDECIDED_S) in talk.effects
    assert talk.feed(ev.TimerFired(4.9, ev.Timer.UNDECIDED)).did(fx.Resume)


def test_going_on_before_the_answer_is_heard_takes_it_back():
    talk = Talk().says("how are you").stops().judged(0.99)
    talk.says("today in Paris", at=2.4)
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "today in Paris")]


def test_typed_text_is_answered_at_once():
    talk = Talk().agent_speaks().feed(ev.Typed(3.0, "stop that"))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.REPLY, "stop that")]
    assert talk.did(fx.Release) == [fx.Release(2)]


def test_the_stop_button_silences_the_agent():
    talk = Talk().agent_speaks().feed(ev.StopRequested(3.0))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert not talk.did(fx.Respond)


def test_a_failed_response_is_apologised_for_once():
    talk = Talk().agent_speaks().feed(ev.ResponseFailed(3.0, 1))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.FAILED)]
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.APOLOGY, "")]
    talk.feed(ev.ResponseFailed(3.1, 2))
    assert not talk.did(fx.Respond)


def test_a_failed_preparation_is_tried_again_when_the_turn_is_complete():
    talk = Talk().says("hello there").feed(ev.ResponseFailed(2.1, 1))
    assert not talk.did(fx.Respond)
    talk.stops().judged(0.99)
    assert talk.did(fx.Release) == [fx.Release(2)]


def test_the_agent_greets_and_asks_once_whether_anybody_is_there():
    talk = Talk(rules(greet=True, idle_s=20.0))
    assert talk.did(fx.Respond) == [fx.Respond(1, fx.ResponseKind.GREETING, "")]
    talk.feed(ev.PlayoutStarted(0.1, 1), ev.PlayoutFinished(2.0, 1))
    assert talk.did(fx.SetTimer) == [fx.SetTimer(ev.Timer.IDLE, 20.0)]
    talk.feed(ev.TimerFired(22.0, ev.Timer.IDLE))
    assert talk.did(fx.Respond) == [fx.Respond(2, fx.ResponseKind.IDLE, "")]
    talk.feed(ev.PlayoutFinished(24.0, 2))
    assert not talk.did(fx.SetTimer)


def test_the_floor_is_shown_to_be_the_users_the_agents_or_nobodys():
    talk = Talk().feed(ev.SpeechStarted(1.0))
    assert talk.did(fx.ShowFloor) == [fx.ShowFloor(fx.Floor.USER)]
    talk = Talk().says("how are you").stops().judged(0.99)
    assert talk.did(fx.ShowFloor) == [fx.ShowFloor(fx.Floor.THINKING)]
    talk.feed(ev.PlayoutStarted(2.5, 1))
    assert talk.did(fx.ShowFloor) == [fx.ShowFloor(fx.Floor.AGENT)]
    talk.feed(ev.PlayoutFinished(4.0, 1))
    assert talk.did(fx.ShowFloor) == [fx.ShowFloor(fx.Floor.NOBODY)]


def test_nothing_happens_before_the_door_opens_or_after_it_closes():
    closed = State(RULES)
    assert step(closed, ev.SpeechStarted(1.0)) == (closed, ())
    talk = Talk().agent_speaks().feed(ev.Closed(3.0))
    assert talk.did(fx.End) == [fx.End(1, ev.Outcome.INTERRUPTED)]
    assert set(talk.did(fx.CancelTimer)) >= {fx.CancelTimer(timer) for timer in ev.Timer}
    assert talk.feed(ev.SpeechStarted(4.0)).effects == ()


def test_words_that_the_recogniser_failed_at_are_apologised_for():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.SpeechPaused(2.0, 1.0), ev.SpeechStopped(2.2))
    talk.feed(ev.FinalTranscript(2.3, 1, "", failed=True))
    assert [effect.kind for effect in talk.did(fx.Respond)] == [fx.ResponseKind.APOLOGY]
    assert talk.did(fx.Release)
    assert talk.state.user is User.SILENT


def test_a_recogniser_that_fails_is_not_spoken_of_while_the_user_goes_on():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.SpeechPaused(2.0, 1.0), ev.SpeechStarted(2.1))
    talk.feed(ev.FinalTranscript(2.2, 1, "", failed=True))
    assert not talk.did(fx.Respond)


def test_a_cough_that_the_recogniser_failed_at_is_not_worth_a_word():
    talk = Talk().feed(ev.SpeechStarted(1.0), ev.SpeechPaused(1.1, 0.1), ev.SpeechStopped(1.3))
    talk.feed(ev.FinalTranscript(1.4, 1, "", failed=True))
    assert not talk.did(fx.Respond)
    assert talk.state.user is User.SILENT
