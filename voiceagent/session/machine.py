"""Contract 3: every rule of conversation, as one pure function from a state and an event to a state and effects.

The invariants, which tests hold by walking every order of events:

- at most one response is live; each ends exactly once; generations only grow;
- a response is released at most once, and only while it is live;
- the agent never stays paused without something under way that will decide: speech, a transcript, or a timer;
- when the door closes, everything ends, and nothing happens after it.

Knows no clock (events carry the time), no model, no transport.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voiceagent.session.effects import (
    CancelTimer,
    CommitAudio,
    Effect,
    End,
    Finalise,
    Floor,
    Judge,
    Kind,
    Pause,
    Release,
    Respond,
    Resume,
    SetTimer,
    ShowFloor,
    ShowUser,
)
from voiceagent.session.events import (
    Closed,
    Event,
    FinalTranscript,
    Opened,
    Outcome,
    PartialTranscript,
    PlayoutFinished,
    PlayoutStarted,
    ResponseFailed,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    StopRequested,
    Timer,
    TimerFired,
    TurnJudged,
    Typed,
)
from voiceagent.session.state import Response, State, User
from voiceagent.session.turn_wait import learn_pause, turn_wait_s
from voiceagent.text import is_backchannel, looks_finished, normalise, words

UNDECIDED_S = 1.5
"""The agent stays paused no longer than this after a sound that no transcript came for."""


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Return the state after the event, and what is to be done, in order."""
    if state.closed or not (state.open or isinstance(event, Opened | Closed)):
        return state, ()
    draft = _Draft(state)
    _RULES[type(event)](draft, event)
    draft.conclude(state)
    return draft.state, tuple(draft.effects)


class _Draft:
    """A transition in the making: the state so far, the effects so far, and the moves that rules are made of."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.effects: list[Effect] = []

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def do(self, *effects: Effect) -> None:
        self.effects.extend(effects)

    def respond(self, kind: Kind, text: str) -> None:
        generation = self.state.generation + 1
        self.set(generation=generation, response=Response(generation, kind, text))
        self.do(Respond(generation, kind, text))

    def release(self) -> None:
        assert self.state.response is not None
        self.mark(released=True)
        self.do(Release(self.state.generation))

    def mark(self, **changes: Any) -> None:
        assert self.state.response is not None
        self.set(response=replace(self.state.response, **changes))

    def end(self, outcome: Outcome) -> None:
        assert self.state.response is not None
        self.do(End(self.state.response.generation, outcome))
        self.do(CancelTimer(Timer.INTERRUPT), CancelTimer(Timer.UNDECIDED))
        self.set(response=None)

    def forget_turn(self) -> None:
        """What was heard is dealt with: the user has the right to start afresh."""
        self.do(
            CancelTimer(Timer.END_OF_TURN), CancelTimer(Timer.UNDECIDED), CancelTimer(Timer.INTERRUPT), CommitAudio()
        )
        self.set(user=User.SILENT, transcript=None, unheard=False, probability=None, complete=False, speech_s=0.0)

    def judge(self) -> None:
        """Have the turn detector listen to the fork."""
        if self.state.rules.judge:
            self.do(Judge(self.state.fork))

    def await_end_of_turn(self, at: float) -> None:
        """The user has been silent for a while. For good? The timer bounds the wait whatever the detector does."""
        rules = self.state.rules
        limit_s = rules.max_wait_s if rules.judge else rules.silence_s
        self.do(SetTimer(Timer.END_OF_TURN, max(0.0, limit_s - rules.stop_s)))
        self.weigh(at)
        self.settle(at)

    def weigh(self, at: float) -> None:
        """Draw the conclusion from the turn detector's verdict, once it is known and the silence has lasted."""
        state = self.state
        if state.probability is None or state.user is not User.WAITING or self.talked_over():
            return
        if state.probability >= state.rules.threshold:
            self.set(complete=True)
            self.do(CancelTimer(Timer.END_OF_TURN))
            return
        silent_s = at - state.stopped_at + state.rules.stop_s
        wait_s = turn_wait_s(state.probability, looks_finished(state.transcript or ""), state.rules, state.pause_s)
        self.do(SetTimer(Timer.END_OF_TURN, max(0.0, wait_s - silent_s)))

    def talked_over(self) -> bool:
        return self.state.response is not None and self.state.response.released

    def yield_floor(self, at: float) -> None:
        """The agent has stopped speaking: what the user has begun is an ordinary turn from now on."""
        if self.state.user in (User.PAUSED, User.WAITING):
            self.judge()
        if self.state.user is User.WAITING:
            self.await_end_of_turn(at)

    def settle(self, at: float) -> None:
        """Draw the conclusions once the current fork's transcript is known."""
        transcript = self.state.transcript
        if transcript is None:
            return
        if self.talked_over():
            if _is_meant(transcript, self.state.speech_s, self.state):
                self.end(Outcome.INTERRUPTED)
                self.yield_floor(at)
                if self.state.user is User.WAITING:
                    return  # settled in there
            elif self.state.user is User.WAITING:
                self.resume()
                return
            else:
                return
        if not words(transcript):
            if self.state.user is User.WAITING:
                missed = self.state.unheard and self.state.speech_s >= self.state.rules.min_speech_s
                if self.state.response is not None:
                    self.end(Outcome.CANCELLED)
                self.forget_turn()
                if missed:
                    self.apologise()
            return
        response = self.state.response
        if response is not None and normalise(response.text) != normalise(transcript):
            self.end(Outcome.CANCELLED)
        if self.state.response is None and (self.state.rules.preemptive or self.state.complete):
            self.respond(Kind.REPLY, transcript)
        if self.state.complete:
            self.release()
            self.set(turn=self.state.turn + 1)
            self.forget_turn()

    def apologise(self) -> None:
        """Say that something went wrong: somebody waits for an answer that will not come."""
        self.respond(Kind.APOLOGY, "")
        self.release()

    def resume(self) -> None:
        """It was a cough or a "mm-hm": go on as if nothing had been."""
        self.mark(paused=False)
        self.do(Resume(self.state.generation))
        self.forget_turn()

    def conclude(self, before: State) -> None:
        """Derive what follows from any change: who has the floor, and whether anybody is there at all."""
        state = self.state
        if state.closed:
            return
        if _idle(state) and not _idle(before) and state.rules.idle_s > 0 and not state.nudged:
            self.do(SetTimer(Timer.IDLE, state.rules.idle_s))
        if not _idle(state) and _idle(before):
            self.do(CancelTimer(Timer.IDLE))
        floor = _floor(state)
        if floor is not before.floor:
            self.set(floor=floor)
            self.do(ShowFloor(floor))


def _idle(state: State) -> bool:
    return state.open and state.user is User.SILENT and state.response is None


def _floor(state: State) -> Floor:
    if state.user is not User.SILENT:
        return Floor.USER
    if state.response is None or not state.response.released:
        return Floor.NOBODY
    return Floor.AGENT if state.response.audible else Floor.THINKING


def _is_meant(text: str, speech_s: float, state: State) -> bool:
    """Tell words that are meant to interrupt from a cough, a hum, or a sign of attention."""
    return bool(words(text)) and not is_backchannel(text) and speech_s >= state.rules.min_speech_s


def _opened(draft: _Draft, event: Opened) -> None:
    if draft.state.open:
        return
    draft.set(open=True)
    if draft.state.rules.greet:
        draft.respond(Kind.GREETING, "")
        draft.release()


def _closed(draft: _Draft, event: Closed) -> None:
    if (response := draft.state.response) is not None:
        draft.end(Outcome.INTERRUPTED if response.audible else Outcome.CANCELLED)
    draft.do(*(CancelTimer(timer) for timer in Timer))
    draft.set(open=False, closed=True, user=User.SILENT)


def _speech_started(draft: _Draft, event: SpeechStarted) -> None:
    state = draft.state
    if state.user is User.SPEAKING:
        return
    if state.user is User.WAITING:
        pause_s = event.at - state.stopped_at + state.rules.stop_s
        draft.set(pause_s=learn_pause(state.pause_s, pause_s))
        draft.do(CancelTimer(Timer.END_OF_TURN), CancelTimer(Timer.UNDECIDED))
    draft.set(user=User.SPEAKING, started_at=event.at, transcript=None, probability=None, complete=False, nudged=False)
    if draft.talked_over():
        if state.response is not None and not state.response.paused:
            draft.mark(paused=True)
            draft.do(Pause(state.generation))
        draft.do(SetTimer(Timer.INTERRUPT, max(0.0, state.rules.interrupt_after_s - state.speech_s)))


def _speech_paused(draft: _Draft, event: SpeechPaused) -> None:
    state = draft.state
    if state.user is not User.SPEAKING:
        return
    draft.set(user=User.PAUSED, fork=state.fork + 1, speech_s=state.speech_s + event.speech_s)
    draft.do(CancelTimer(Timer.INTERRUPT), Finalise(state.fork + 1))
    if not draft.talked_over():
        draft.judge()


def _speech_stopped(draft: _Draft, event: SpeechStopped) -> None:
    if draft.state.user is not User.PAUSED:
        return
    draft.set(user=User.WAITING, stopped_at=event.at)
    if draft.talked_over():
        draft.do(SetTimer(Timer.UNDECIDED, UNDECIDED_S))
        draft.settle(event.at)
    else:
        draft.await_end_of_turn(event.at)


def _partial(draft: _Draft, event: PartialTranscript) -> None:
    state = draft.state
    if state.user is not User.SPEAKING or not words(event.text):
        return
    draft.do(ShowUser(state.turn, event.text, final=False))
    if draft.talked_over():
        if _is_meant(event.text, state.speech_s + event.at - state.started_at, state):
            draft.end(Outcome.INTERRUPTED)
    elif state.response is not None and normalise(event.text) != normalise(state.response.text):
        draft.end(Outcome.CANCELLED)


def _final(draft: _Draft, event: FinalTranscript) -> None:
    state = draft.state
    if event.fork != state.fork or state.user not in (User.PAUSED, User.WAITING):
        return
    draft.set(transcript=event.text, unheard=event.failed)
    if words(event.text):
        draft.do(ShowUser(state.turn, event.text, final=True))
    draft.settle(event.at)


def _judged(draft: _Draft, event: TurnJudged) -> None:
    state = draft.state
    if event.fork != state.fork or state.user not in (User.PAUSED, User.WAITING) or state.complete:
        return
    draft.set(probability=event.probability)
    draft.weigh(event.at)
    if draft.state.complete:
        draft.settle(event.at)


def _timer(draft: _Draft, event: TimerFired) -> None:
    state = draft.state
    if event.timer is Timer.END_OF_TURN and state.user is User.WAITING and not draft.talked_over():
        draft.set(complete=True)
        draft.settle(event.at)
    elif event.timer is Timer.INTERRUPT and state.user is User.SPEAKING and draft.talked_over():
        draft.end(Outcome.INTERRUPTED)
    elif event.timer is Timer.UNDECIDED and state.user is User.WAITING and draft.talked_over():
        draft.resume()
    elif event.timer is Timer.IDLE and _idle(state) and not state.nudged:
        draft.set(nudged=True)
        draft.respond(Kind.IDLE, "")
        draft.release()


def _typed(draft: _Draft, event: Typed) -> None:
    if not words(event.text):
        return
    if (response := draft.state.response) is not None:
        draft.end(Outcome.INTERRUPTED if response.released else Outcome.CANCELLED)
    if draft.state.user is not User.SILENT:
        draft.forget_turn()
    draft.set(nudged=False)
    draft.do(ShowUser(draft.state.turn, event.text, final=True))
    draft.respond(Kind.REPLY, event.text)
    draft.release()
    draft.set(turn=draft.state.turn + 1)


def _stop_requested(draft: _Draft, event: StopRequested) -> None:
    if draft.talked_over():
        draft.end(Outcome.INTERRUPTED)
        draft.yield_floor(event.at)


def _playout_started(draft: _Draft, event: PlayoutStarted) -> None:
    if _concerns_live(draft.state, event.generation):
        draft.mark(audible=True)


def _playout_finished(draft: _Draft, event: PlayoutFinished) -> None:
    if not _concerns_live(draft.state, event.generation):
        return
    draft.end(Outcome.COMPLETED)
    draft.yield_floor(event.at)


def _response_failed(draft: _Draft, event: ResponseFailed) -> None:
    response = draft.state.response
    if response is None or response.generation != event.generation:
        return
    draft.end(Outcome.FAILED)
    if not response.released:
        return  # nobody waits for it yet; it is tried again when somebody does
    draft.yield_floor(event.at)
    if draft.state.user is User.SILENT and draft.state.response is None and response.kind is not Kind.APOLOGY:
        draft.apologise()


def _concerns_live(state: State, generation: int) -> bool:
    return state.response is not None and state.response.released and state.response.generation == generation


_RULES: dict[type[Event], Callable[[_Draft, Any], None]] = {
    Opened: _opened,
    Closed: _closed,
    SpeechStarted: _speech_started,
    SpeechPaused: _speech_paused,
    SpeechStopped: _speech_stopped,
    PartialTranscript: _partial,
    FinalTranscript: _final,
    TurnJudged: _judged,
    TimerFired: _timer,
    Typed: _typed,
    StopRequested: _stop_requested,
    PlayoutStarted: _playout_started,
    PlayoutFinished: _playout_finished,
    ResponseFailed: _response_failed,
}
