"""The rules for what the user does by hand: ending a turn or taking it back, and pressing the keys of a telephone."""

from voiceagent.errors import VoiceAgentError
from voiceagent.session.draft import Draft
from voiceagent.session.effects import CancelTimer, EnterKeys, Finalise, SetTimer
from voiceagent.session.events import KeyPressed, Timer, TurnCommitted, TurnDiscarded
from voiceagent.session.state import User

KEYS_S = 1.0
"""Keys that follow each other this soon belong together."""
LAST_KEY = "#"
"""Nothing follows this key."""
KEYS = "0123456789*#ABCD"


def turn_committed(draft: Draft, event: TurnCommitted) -> None:
    """End the turn now. If nothing was heard, or not understood, it comes to nothing."""
    if draft.state.committed:
        return
    draft.set(speaking=False, overlong=False, nudged=False)
    commit(draft, event.at)


def commit(draft: Draft, at: float) -> None:
    """End the turn with what was heard up to now, whatever follows."""
    state = draft.state
    draft.do(CancelTimer(Timer.MAX_SPEECH))
    if state.user in (User.PAUSED, User.WAITING):  # its transcript is known, or on the way
        draft.do(CancelTimer(Timer.END_OF_TURN), CancelTimer(Timer.UNDECIDED))
    else:
        draft.do(CancelTimer(Timer.INTERRUPT))
        fork_now(draft)
    draft.set(user=User.WAITING, stopped_at=at, complete=True, committed=True)
    draft.settle(at)


def turn_discarded(draft: Draft, event: TurnDiscarded) -> None:
    """Forget what was heard up to now, except for a turn that is over."""
    if draft.state.committed:
        return
    draft.void()
    draft.set(speaking=False, overlong=False)
    fork_now(draft)
    draft.go_on()


def fork_now(draft: Draft) -> None:
    """Have what was heard up to now transcribed."""
    fork = draft.state.fork + 1
    draft.set(fork=fork, transcript=None, unheard=False, probability=None)
    draft.do(Finalise(fork))


def require_keys(keys: str) -> str:
    """Return the keys of a telephone that these are. Raises VoiceAgentError for others."""
    if unknown := set(keys.upper()) - set(KEYS):
        raise VoiceAgentError(f"A telephone has no key {min(unknown)!r}; it has {KEYS}.")
    return keys.upper()


def key_pressed(draft: Draft, event: KeyPressed) -> None:
    """Wait for further keys, unless this was the last."""
    draft.set(keys=draft.state.keys + event.key)
    draft.do(SetTimer(Timer.KEYS, KEYS_S))
    if event.key == LAST_KEY:
        enter_keys(draft)


def enter_keys(draft: Draft) -> None:
    """What was pressed is complete."""
    draft.do(CancelTimer(Timer.KEYS), EnterKeys(draft.state.keys))
    draft.set(keys="")
