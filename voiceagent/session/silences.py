"""What a session's state says of its user's silences: how long one is waited for, and whether it was a pause. Pure."""

from voiceagent.session.effects import ResponseKind
from voiceagent.session.end_of_turn import end_log_odds, odds_of, wait_s
from voiceagent.session.meaning import has_content, hums
from voiceagent.session.patience import goes_on
from voiceagent.session.state import State, User

WORDS_WITHIN_S = 0.4
"""Silence up to which the language model's opinion of the words is waited for: it comes before the reply's first token,
so that nobody hears the difference, unless the model is busy with others."""
MORE_S = 0.4
"""Silence, after the first, in which somebody goes on who has said a word or two over the agent's voice."""
REACTION_S = 0.4
"""Nobody interrupts what they have heard for less: they were about to go on."""


def wait_for_more_s(state: State, transcript: str, sound: float) -> float:
    """Return the silence after which a turn is over, in seconds; `sound` is the turn detector's probability."""
    rules, response = state.rules, state.response
    ending = None if response is None else response.ending
    if goes_on(transcript, state.pauses, state.expected, rules.language):
        odds = odds_of(rules.patience_s)
    else:
        odds = end_log_odds(sound, ending, transcript, rules.language)
    until_s = wait_s(odds, rules.cut_off_cost_s, state.pause_s, rules.max_wait_s)
    replies = response is None or response.kind is ResponseKind.REPLY
    if ending is None and replies and state.reads and rules.preemptive and rules.answer:
        return max(until_s, min(WORDS_WITHIN_S, rules.patience_s))
    return until_s


def may_be_the_first_of_more(transcript: str, state: State) -> bool:
    """Return whether words over the agent's voice that do not interrupt it are words at all."""
    return has_content(transcript, state) and not hums(transcript, state.speech_s, state)


def pause_cut_into_s(state: State) -> float | None:
    """Return how long the user had paused who now ends the response, in seconds; None if they had not.

    Who goes on so soon does not react to the answer: it has come into their pause.
    """
    response = state.response
    if response is None or response.kind is not ResponseKind.REPLY or state.user is User.SILENT:
        return None
    pause_s = state.started_at - state.stopped_at + state.rules.stop_s
    too_soon = not response.audible or state.started_at < state.heard_at + REACTION_S
    return pause_s if too_soon and 0 < pause_s <= state.rules.max_wait_s else None
