"""The rules for an application's requests to a session: to say something unasked, or to go by other rules.

What is to be said is a response like any other: it can be interrupted, it ends once, and what was heard of it is
remembered. It waits for the floor to be free, which is when no one speaks and no answer is being made.
"""

from voiceagent.session.draft import Draft, is_idle
from voiceagent.session.effects import CancelTimer, ResponseKind, SetTimer
from voiceagent.session.events import (
    Configured,
    Noted,
    Outcome,
    ReplyRequested,
    RequestWithdrawn,
    SayRequested,
    Timer,
)
from voiceagent.session.state import User, Wish
from voiceagent.text import words


def say_requested(draft: Draft, event: SayRequested) -> None:
    """Speak a text: when the floor is free, or at once, in place of what the agent says and the user has begun."""
    if not words(event.text):
        return
    wish = Wish(ResponseKind.SAID, event.text)
    if not event.interrupt:
        draft.set(wishes=(*draft.state.wishes, wish))
        return
    if (response := draft.state.response) is not None:
        draft.end(Outcome.INTERRUPTED if response.released else Outcome.CANCELLED)
    if draft.state.user is not User.SILENT:
        draft.forget_turn()
    draft.set(wishes=(wish, *draft.state.wishes))


def reply_requested(draft: Draft, event: ReplyRequested) -> None:
    """Have the model say something when the floor is free."""
    draft.set(wishes=(*draft.state.wishes, Wish(ResponseKind.PROMPTED, event.instructions, event.request)))


def request_withdrawn(draft: Draft, event: RequestWithdrawn) -> None:
    """Forget a request, or stop the response that was made for it."""
    draft.set(wishes=tuple(wish for wish in draft.state.wishes if wish.request != event.request))
    if (response := draft.state.response) is not None and response.request == event.request:
        draft.end(Outcome.INTERRUPTED)
        draft.yield_floor(event.at)


def noted(draft: Draft, event: Noted) -> None:
    """Prepare again what does not know of a change of the conversation."""
    if (response := draft.state.response) is not None and not response.released:
        draft.void()
        draft.settle(event.at)


def configured(draft: Draft, event: Configured) -> None:
    """Use other rules. What was heard so far stays with the turn, by whatever it ends."""
    state = draft.state
    draft.set(rules=event.rules)
    if event.rules.manual and not state.rules.manual and state.user is not User.SILENT and not state.committed:
        draft.void()
        draft.resume()
        draft.leave_open()
    elif state.rules.manual and not event.rules.manual and state.speaking and not state.committed:
        draft.begin_speech(event.at)
    if is_idle(state) and is_idle(draft.state) and not state.nudged:
        idle_s = event.rules.idle_s
        draft.do(SetTimer(Timer.IDLE, idle_s) if idle_s > 0 else CancelTimer(Timer.IDLE))
