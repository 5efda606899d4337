"""A transition of the session machine under construction, and the moves that its rules consist of."""

from dataclasses import replace
from typing import Any

from voiceagent.session.effects import (
    CancelTimer,
    CommitAudio,
    Effect,
    End,
    EndTurn,
    Floor,
    Judge,
    Pause,
    Release,
    Respond,
    ResponseKind,
    Resume,
    SetAside,
    SetTimer,
    ShowFloor,
    ShowNothing,
    ShowUser,
)
from voiceagent.session.end_of_turn import learn_pause
from voiceagent.session.events import Outcome, Timer
from voiceagent.session.meaning import has_content, is_meant
from voiceagent.session.patience import Expected
from voiceagent.session.silences import MORE_S, may_be_the_first_of_more, pause_cut_into_s, wait_for_more_s
from voiceagent.session.state import Response, State, User
from voiceagent.text import normalise, words


class Draft:
    """A transition under construction: the state so far, the effects so far, and the moves that rules consist of."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.effects: list[Effect] = []

    def set(self, **changes: Any) -> None:
        """Change the state."""
        self.state = replace(self.state, **changes)

    def do(self, *effects: Effect) -> None:
        """Append an effect."""
        self.effects.extend(effects)

    def respond(self, kind: ResponseKind, text: str, request: int = 0) -> None:
        """Begin a response."""
        generation = self.state.generation + 1
        self.set(generation=generation, response=Response(generation, kind, text, request))
        self.do(Respond(generation, kind, text, request))

    def release(self) -> None:
        """Let the response be heard."""
        assert self.state.response is not None
        self.mark(released=True)
        self.set(expected=Expected.NOTHING)
        self.do(Release(self.state.generation))

    def mark(self, **changes: Any) -> None:
        """Change the response's state."""
        assert self.state.response is not None
        self.set(response=replace(self.state.response, **changes))

    def end(self, outcome: Outcome) -> None:
        """End the response."""
        assert self.state.response is not None
        if outcome is Outcome.INTERRUPTED and (pause_s := pause_cut_into_s(self.state)) is not None:
            self.set(pause_s=learn_pause(self.state.pause_s, pause_s))
        self.do(End(self.state.response.generation, outcome))
        self.do(CancelTimer(Timer.INTERRUPT), CancelTimer(Timer.UNDECIDED))
        self.set(response=None)

    def void(self) -> None:
        """Drop the response that is being prepared, if there is one."""
        if self.state.response is not None and not self.state.response.released:
            self.end(Outcome.CANCELLED)

    def begin_speech(self, at: float, *, own: bool = False) -> None:
        """The user speaks: the agent falls silent until it is known what was meant, unless it may be its own voice."""
        if self.state.user is not User.PAUSED:
            self.do(SetTimer(Timer.MAX_SPEECH, self.state.rules.max_speech_s))
        nudged = self.state.nudged and own
        wordless = self.state.wordless and self.state.user is User.PAUSED
        self.set(user=User.SPEAKING, started_at=at, transcript=None, probability=None, complete=False, nudged=nudged)
        self.set(own=own, wordless=wordless)
        state = self.state
        if self.interrupts() and not own:
            if state.response is not None and not state.response.paused:
                self.mark(paused=True)
                self.do(Pause(state.generation))
            self.do(SetTimer(Timer.INTERRUPT, max(0.0, state.rules.interrupt_after_s - state.speech_s)))

    def forget_turn(self) -> None:
        """What was heard is dealt with: the user starts a new turn."""
        if self.state.committed and self.state.transcript is None:
            self.do(ShowNothing(self.state.turn, failed=False))  # who ended it by hand waits to hear of it
        self.do(CommitAudio())
        if self.state.shown:
            self.do(SetAside(self.state.turn, self.state.shown))
            self.set(shown="")
        self.leave_open()

    def leave_open(self) -> None:
        """Decide nothing about what was heard."""
        self.do(CancelTimer(Timer.END_OF_TURN), CancelTimer(Timer.UNDECIDED), CancelTimer(Timer.INTERRUPT))
        self.do(CancelTimer(Timer.MAX_SPEECH))
        self.set(user=User.SILENT, transcript=None, unheard=False, probability=None, speech_s=0.0)
        self.set(complete=False, committed=False, pauses=0, own=False)

    def show(self, text: str, *, final: bool) -> None:
        """Show what the user is understood to have said in this turn."""
        self.do(ShowUser(self.state.turn, text, final))
        self.set(shown=text)

    def note_turn(self, text: str) -> None:
        """The turn is over and remembered; the agent goes on with what it was saying."""
        self.void()
        self.do(EndTurn(self.state.turn, text))
        self.set(turn=self.state.turn + 1, asked_back=False, shown="")

    def rouse(self) -> None:
        """Somebody is there: silence counts from now on."""
        self.set(nudged=False)
        if is_idle(self.state) and self.state.rules.idle_s > 0:
            self.do(SetTimer(Timer.IDLE, self.state.rules.idle_s))

    def judge(self) -> None:
        """Have the turn detector listen to the fork."""
        if self.state.rules.judge:
            self.do(Judge(self.state.fork))

    def await_end_of_turn(self, at: float) -> None:
        """The user has been silent for a while. For good? The timer bounds the wait for the detector."""
        rules = self.state.rules
        limit_s = rules.patience_s if rules.judge else rules.silence_s
        self.do(SetTimer(Timer.END_OF_TURN, max(0.0, limit_s - rules.stop_s)))
        self.weigh(at)
        self.settle(at)

    def weigh(self, at: float) -> None:
        """Draw the conclusion from what is known of the silence, once the turn detector has heard it and it lasts."""
        state = self.state
        if state.probability is None or state.transcript is None or state.user is not User.WAITING:
            return
        if self.talked_over() or state.complete:
            return
        until_s = wait_for_more_s(state, state.transcript, state.probability)
        silent_s = at - state.stopped_at + state.rules.stop_s
        if until_s > silent_s:
            self.do(SetTimer(Timer.END_OF_TURN, until_s - silent_s))
        else:
            self.set(complete=True)
            self.do(CancelTimer(Timer.END_OF_TURN))

    def talked_over(self) -> bool:
        """Return whether the user is talking over the agent."""
        return self.state.response is not None and self.state.response.released

    def interrupts(self) -> bool:
        """Return whether what the user says may interrupt the agent."""
        response = self.state.response
        may = self.state.rules.interruptible or (response is not None and response.paused)
        return response is not None and response.released and may and not self.state.overlong

    def yield_floor(self, at: float) -> None:
        """The agent has stopped speaking: what the user has begun is an ordinary turn from now on."""
        if self.state.committed:
            return
        if self.state.user in (User.PAUSED, User.WAITING):
            self.judge()
        if self.state.user is User.WAITING:
            self.await_end_of_turn(at)

    def settle(self, at: float) -> None:
        """Draw the conclusions once the current fork's transcript is known."""
        transcript = self.state.transcript
        if transcript is None:
            return
        if self.talked_over() and not self.state.committed:
            if not self.interrupts():  # it waits for the agent to finish, unless it is a cough or a "mm-hm"
                if self.state.user is User.WAITING and not has_content(transcript, self.state):
                    self.dismiss()
                return
            if is_meant(self.state):
                self.end(Outcome.INTERRUPTED)
                self.yield_floor(at)
                if self.state.user is not User.PAUSED:
                    return  # settled in there
            else:
                if self.state.user is User.WAITING and may_be_the_first_of_more(transcript, self.state):
                    self.do(SetTimer(Timer.UNDECIDED, MORE_S))
                elif self.state.user is User.WAITING:
                    self.dismiss()
                return
        if not words(transcript):
            if self.state.user is User.WAITING:
                self.come_to_nothing()
            return
        if not self.state.rules.answer:
            if self.state.complete:
                self.note_turn(transcript)
                self.go_on()
            return
        response = self.state.response
        if response is not None and response.released:
            self.end(Outcome.INTERRUPTED)
        elif response is not None and normalise(response.text) != normalise(transcript):
            self.end(Outcome.CANCELLED)
        if self.state.response is None and (self.state.rules.preemptive or self.state.complete):
            ask = self.state.doubtful and not self.state.asked_back
            self.respond(ResponseKind.ASK_BACK if ask else ResponseKind.REPLY, transcript)
        if self.state.complete:
            self.release()
            asked_back = self.state.response is not None and self.state.response.kind is ResponseKind.ASK_BACK
            self.set(turn=self.state.turn + 1, asked_back=asked_back, shown="")
            self.forget_turn()

    def come_to_nothing(self) -> None:
        """No words were understood in what the user said."""
        state = self.state
        missed = state.unheard and (state.committed or state.speech_s >= state.rules.min_speech_s)
        self.void()
        self.dismiss(failed=missed)
        if missed and state.rules.answer and self.state.response is None:
            self.apologise()

    def dismiss(self, *, failed: bool = False) -> None:
        """It was a cough or a "mm-hm": go on as if nothing had happened."""
        self.do(ShowNothing(self.state.turn, failed))
        self.go_on()

    def go_on(self) -> None:
        """What was heard is dealt with, and the agent goes on with what it was saying, if anything."""
        self.resume()
        self.forget_turn()

    def apologise(self) -> None:
        """Apologise: the user is waiting for an answer that will not come."""
        self.respond(ResponseKind.APOLOGY, "")
        self.release()

    def resume(self) -> None:
        """Let the agent speak on, if it has paused."""
        if self.state.response is not None and self.state.response.paused:
            self.mark(paused=False)
            self.do(Resume(self.state.generation))

    def conclude(self, before: State) -> None:
        """Derive what follows from any change: what waited to be said, who has the floor, the idle timer."""
        if self.state.closed:
            return
        if before.committed and not self.state.committed and self.state.speaking and not self.state.rules.manual:
            self.begin_speech(self.state.started_at)  # of the next turn, after the one that was ended by hand
        if is_idle(self.state) and self.state.wishes:
            wish, *later = self.state.wishes
            self.set(wishes=tuple(later))
            self.respond(wish.kind, wish.text, wish.request)
            self.release()
        state = self.state
        if is_idle(state) and not is_idle(before) and state.rules.idle_s > 0 and not state.nudged:
            self.do(SetTimer(Timer.IDLE, state.rules.idle_s))
        if not is_idle(state) and is_idle(before):
            self.do(CancelTimer(Timer.IDLE))
        floor = _floor(state)
        if floor is not before.floor:
            self.set(floor=floor)
            self.do(ShowFloor(floor))


def is_idle(state: State) -> bool:
    """Return whether the floor is free: no one speaks, or is about to."""
    return state.open and state.user is User.SILENT and state.response is None


def _floor(state: State) -> Floor:
    if state.user is not User.SILENT:
        return Floor.USER
    if state.response is None or not state.response.released:
        return Floor.USER if state.rules.manual and state.speaking else Floor.NOBODY
    return Floor.AGENT if state.response.audible else Floor.THINKING
