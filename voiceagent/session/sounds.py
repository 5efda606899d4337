"""Sounds over the agent's voice that last, and in which nobody says anything to it."""

from voiceagent.session.draft import Draft
from voiceagent.session.effects import CancelTimer, SetTimer
from voiceagent.session.end_of_turn import MOMENT_S
from voiceagent.session.events import Outcome, Timer
from voiceagent.session.meaning import hums

NO_WORDS_S = 1.2
"""Sound this long without words is nobody's who wants to be heard; a word takes a recogniser half a second at most."""


def decide_without_words(draft: Draft, at: float) -> None:
    """A sound has lasted: interrupt, unless the recogniser has listened to it and understood nothing that is meant."""
    state = draft.state
    sound_s = state.speech_s + at - state.started_at
    left_s = NO_WORDS_S - sound_s
    if not (state.wordless or hums(state.shown, sound_s, state)):
        draft.end(Outcome.INTERRUPTED)
    elif left_s > MOMENT_S:  # else it is rounding, which a clock that stands still between alarms never gets past
        draft.do(SetTimer(Timer.INTERRUPT, left_s))
    else:
        go_on_over_sound(draft)


def go_on_over_sound(draft: Draft) -> None:
    """It is nobody who speaks to the agent: no sound stops it from now on, until there are words of another."""
    draft.do(CancelTimer(Timer.INTERRUPT))
    draft.set(own=True)
    draft.resume()
