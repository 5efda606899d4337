"""Contract 3: every rule of conversation, as one pure function from a state and an event to a state and effects.

The invariants, which tests hold by walking every order of events:

- at most one response is live; each ends exactly once; generations only grow;
- a response is released at most once, and only while it is live;
- the agent never stays paused without something under way that will decide: speech, a transcript, or a timer;
- what is to be said unasked waits only while the floor is taken;
- where turns are ended by hand, sounds by themselves change neither a turn nor a response;
- where turns are not answered by themselves, no answer is prepared and nothing is apologised for;
- a sound in which no words were found ends no response, however long it is;
- where speech does not interrupt, it neither pauses nor ends a response that is heard;
- what was shown of a turn is answered, remembered, or set aside for people to see, before the next turn begins;
- no one speaks without an alarm that bounds it, nor is silent after it without one;
- when the door closes, everything ends, and nothing happens after it.

Knows no clock (events carry the time), no model, no transport.
"""

from collections.abc import Callable
from typing import Any

from voiceagent.session.by_hand import commit, enter_keys, key_pressed, turn_committed, turn_discarded
from voiceagent.session.draft import Draft, is_idle
from voiceagent.session.effects import (
    CancelTimer,
    Effect,
    Finalise,
    ResponseKind,
    SetTimer,
    ShowUser,
)
from voiceagent.session.end_of_turn import learn_pause
from voiceagent.session.events import (
    Closed,
    Concluding,
    Configured,
    Event,
    FinalTranscript,
    KeyPressed,
    Noted,
    Opened,
    Outcome,
    PartialTranscript,
    PlayoutFinished,
    PlayoutStarted,
    ReplyRequested,
    RequestWithdrawn,
    ResponseFailed,
    SayRequested,
    SpeechPaused,
    SpeechStarted,
    SpeechStopped,
    StopRequested,
    Timer,
    TimerFired,
    TurnCommitted,
    TurnDiscarded,
    TurnJudged,
    Typed,
    WordsJudged,
)
from voiceagent.session.meaning import SURER, has_content, is_meant_so_far
from voiceagent.session.patience import expected_after
from voiceagent.session.sounds import decide_without_words, go_on_over_sound
from voiceagent.session.state import State, User
from voiceagent.session.unasked import configured, noted, reply_requested, request_withdrawn, say_requested
from voiceagent.text import is_question, normalise, words

UNDECIDED_S = 1.5
"""The agent stays paused no longer than this after a sound without a transcript."""
BEFORE_OPENING = Opened | Closed | SayRequested | ReplyRequested | RequestWithdrawn | Configured
"""What may happen while the door is still shut; what is to be said then waits for it to open."""


def step(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Return the state after the event, and the effects, in order."""
    if state.closed or not (state.open or isinstance(event, BEFORE_OPENING)):
        return state, ()
    draft = Draft(state)
    _RULES[type(event)](draft, event)
    draft.conclude(state)
    return draft.state, tuple(draft.effects)


def _opened(draft: Draft, event: Opened) -> None:
    if draft.state.open:
        return
    draft.set(open=True)
    if draft.state.rules.greet:
        draft.respond(ResponseKind.GREETING, "")
        draft.release()


def _closed(draft: Draft, event: Closed) -> None:
    if (response := draft.state.response) is not None:
        draft.end(Outcome.INTERRUPTED if response.audible else Outcome.CANCELLED)
    draft.do(*(CancelTimer(timer) for timer in Timer))
    draft.set(open=False, closed=True, user=User.SILENT)


def _speech_started(draft: Draft, event: SpeechStarted) -> None:
    state = draft.state
    draft.set(speaking=True)
    if state.rules.manual or state.committed:
        draft.set(started_at=event.at)
        draft.rouse()
        return
    if state.user is User.SPEAKING and (event.own or not state.own):
        return  # else another voice was raised over the agent's own
    if state.user is User.WAITING:
        pause_s = event.at - state.stopped_at + state.rules.stop_s
        draft.set(pause_s=learn_pause(state.pause_s, pause_s), pauses=state.pauses + 1)
        draft.do(CancelTimer(Timer.END_OF_TURN), CancelTimer(Timer.UNDECIDED))
    draft.begin_speech(event.at, own=event.own)


def _speech_paused(draft: Draft, event: SpeechPaused) -> None:
    if draft.state.user is User.SPEAKING:
        _pause(draft, event.speech_s)


def _pause(draft: Draft, speech_s: float) -> None:
    state = draft.state
    draft.set(user=User.PAUSED, fork=state.fork + 1, speech_s=state.speech_s + speech_s)
    draft.do(CancelTimer(Timer.INTERRUPT), Finalise(state.fork + 1))
    if not draft.talked_over():
        draft.judge()


def _speech_stopped(draft: Draft, event: SpeechStopped) -> None:
    draft.set(speaking=False, overlong=False)
    if draft.state.user is User.SPEAKING:  # it had paused in the turn before, or under other rules
        _pause(draft, 0.0)
    if draft.state.user is not User.PAUSED:
        return
    draft.do(CancelTimer(Timer.MAX_SPEECH))
    draft.set(user=User.WAITING, stopped_at=event.at)
    if draft.talked_over():
        if draft.interrupts():
            draft.do(SetTimer(Timer.UNDECIDED, UNDECIDED_S))
        draft.settle(event.at)
    else:
        draft.await_end_of_turn(event.at)


def _partial(draft: Draft, event: PartialTranscript) -> None:
    state = draft.state
    by_hand = state.rules.manual and not state.committed
    if state.user is User.SPEAKING and draft.talked_over():
        draft.set(wordless=not event.own and not has_content(event.text, state))
        if event.own:
            go_on_over_sound(draft)
    if not words(event.text) or not (state.user is User.SPEAKING or by_hand):
        return
    draft.show(event.text, final=False)
    if by_hand:
        return
    if draft.talked_over():
        if draft.interrupts() and is_meant_so_far(event.text, state.speech_s + event.at - state.started_at, state):
            draft.end(Outcome.INTERRUPTED)
    elif state.response is not None and normalise(event.text) != normalise(state.response.text):
        draft.end(Outcome.CANCELLED)


def _final(draft: Draft, event: FinalTranscript) -> None:
    state = draft.state
    if event.fork != state.fork or state.user not in (User.PAUSED, User.WAITING):
        return
    sure, least = 1.0 if event.confidence is None else event.confidence, state.rules.min_confidence
    draft.set(transcript=event.text, unheard=event.failed, doubtful=sure < least, unsure=sure < SURER * least)
    draft.set(wordless=draft.talked_over() and not event.own and not has_content(event.text, state))
    if words(event.text):
        draft.show(event.text, final=True)
    draft.weigh(event.at)
    draft.settle(event.at)


def _judged(draft: Draft, event: TurnJudged) -> None:
    state = draft.state
    if event.fork != state.fork or state.user not in (User.PAUSED, User.WAITING) or state.complete:
        return
    draft.set(probability=event.probability)
    draft.weigh(event.at)
    if draft.state.complete:
        draft.settle(event.at)


def _words_judged(draft: Draft, event: WordsJudged) -> None:
    state = draft.state
    if state.response is None or state.response.generation != event.generation:
        return
    draft.mark(ending=event.probability)
    draft.set(reads=True)
    if state.complete:
        return
    draft.weigh(event.at)
    if draft.state.complete:
        draft.settle(event.at)


def _timer(draft: Draft, event: TimerFired) -> None:
    state = draft.state
    if event.timer is Timer.END_OF_TURN and state.user is User.WAITING and not draft.talked_over():
        draft.set(complete=True)
        draft.settle(event.at)
    elif event.timer is Timer.INTERRUPT and state.user is User.SPEAKING and draft.talked_over():
        decide_without_words(draft, event.at)
    elif event.timer is Timer.MAX_SPEECH and state.user in (User.SPEAKING, User.PAUSED):
        _end_overlong(draft, event.at)
    elif event.timer is Timer.UNDECIDED and state.user is User.WAITING and draft.talked_over():
        draft.dismiss()
    elif event.timer is Timer.KEYS:
        enter_keys(draft)
    elif event.timer is Timer.IDLE and is_idle(state) and not state.nudged:
        if state.speaking:  # a long turn, which is ended by hand
            draft.rouse()
            return
        draft.set(nudged=True)
        draft.respond(ResponseKind.IDLE, "")
        draft.release()


def _typed(draft: Draft, event: Typed) -> None:
    if not words(event.text):
        return
    if not draft.state.rules.answer:
        draft.do(ShowUser(draft.state.turn, event.text, final=True))
        spoken = draft.state.shown
        draft.note_turn(event.text)
        draft.set(shown=spoken)
        draft.rouse()
        return
    if (response := draft.state.response) is not None:
        draft.end(Outcome.INTERRUPTED if response.released else Outcome.CANCELLED)
    if draft.state.user is not User.SILENT:
        draft.forget_turn()
    draft.set(nudged=False, asked_back=False)
    draft.do(ShowUser(draft.state.turn, event.text, final=True))
    draft.respond(ResponseKind.REPLY, event.text)
    draft.release()
    draft.set(turn=draft.state.turn + 1)


def _stop_requested(draft: Draft, event: StopRequested) -> None:
    if draft.talked_over():
        draft.end(Outcome.INTERRUPTED)
        draft.yield_floor(event.at)


def _playout_started(draft: Draft, event: PlayoutStarted) -> None:
    if _concerns_live(draft.state, event.generation):
        draft.mark(audible=True)
        draft.set(heard_at=event.at)


def _playout_finished(draft: Draft, event: PlayoutFinished) -> None:
    if not _concerns_live(draft.state, event.generation):
        return
    draft.end(Outcome.COMPLETED)
    draft.yield_floor(event.at)


def _concluding(draft: Draft, event: Concluding) -> None:
    if _concerns_live(draft.state, event.generation):
        draft.mark(asking=is_question(event.text))
        draft.set(expected=expected_after(event.text, draft.state.rules.language))


def _response_failed(draft: Draft, event: ResponseFailed) -> None:
    response = draft.state.response
    if response is None or response.generation != event.generation:
        return
    draft.end(Outcome.FAILED)
    if not response.released:
        return  # the user does not wait for it yet; it is tried again when they do
    draft.yield_floor(event.at)
    if is_idle(draft.state) and draft.state.rules.answer and response.kind is not ResponseKind.APOLOGY:
        draft.apologise()


def _end_overlong(draft: Draft, at: float) -> None:
    """Answer what was said so far, though it goes on; once the agent is silent, if it is not to be interrupted."""
    if draft.talked_over():
        draft.do(SetTimer(Timer.MAX_SPEECH, draft.state.rules.max_speech_s))
        return
    draft.set(overlong=draft.state.speaking, started_at=at)
    commit(draft, at)


def _concerns_live(state: State, generation: int) -> bool:
    return state.response is not None and state.response.released and state.response.generation == generation


_RULES: dict[type[Event], Callable[[Draft, Any], None]] = {
    Opened: _opened,
    Closed: _closed,
    SpeechStarted: _speech_started,
    SpeechPaused: _speech_paused,
    SpeechStopped: _speech_stopped,
    PartialTranscript: _partial,
    FinalTranscript: _final,
    TurnJudged: _judged,
    WordsJudged: _words_judged,
    TimerFired: _timer,
    Typed: _typed,
    StopRequested: _stop_requested,
    TurnCommitted: turn_committed,
    TurnDiscarded: turn_discarded,
    KeyPressed: key_pressed,
    Noted: noted,
    SayRequested: say_requested,
    ReplyRequested: reply_requested,
    RequestWithdrawn: request_withdrawn,
    Configured: configured,
    PlayoutStarted: _playout_started,
    PlayoutFinished: _playout_finished,
    Concluding: _concluding,
    ResponseFailed: _response_failed,
}
