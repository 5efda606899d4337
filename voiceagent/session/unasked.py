"""The rules for an application's requests to a session: to say something unasked, or to use other rules.

What is to be said is a response like any other: it can be interrupted, it ends once, and what was heard of it is
remembered. It waits for the floor to be free, which is when no one speaks and no answer is being made.
"""

from voiceagent.session.draft import Draft, is_idle
from voiceagent.session.effects import CancelTimer, ResponseKind, SetTimer
from voiceagent.session.events import Configured, Outcome, ReplyRequested, SayRequested, Timer
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
    draft.set(wishes=(*draft.state.wishes, Wish(ResponseKind.PROMPTED, event.instructions)))


def configured(draft: Draft, event: Configured) -> None:
    """Use other rules."""
    draft.set(rules=event.rules)
    if is_idle(draft.state) and not draft.state.nudged:
        idle_s = event.rules.idle_s
        draft.do(SetTimer(Timer.IDLE, idle_s) if idle_s > 0 else CancelTimer(Timer.IDLE))
