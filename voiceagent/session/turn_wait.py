"""How long to wait for a speaker who has paused but does not seem to have finished.

A fixed wait makes the answer late after every turn that the detector does not take for complete. Here the wait is
bounded, shorter the surer the detector is, shorter when the transcript reads like a finished sentence, and longer for a
speaker who is known to pause for long in mid-turn.
"""

from voiceagent.session.rules import Rules

PAUSE_MARGIN = 1.3
"""A known pause is outwaited by this factor: pauses of one speaker vary by about a third."""
PAUSE_MEMORY = 0.5
"""Weight of the newest pause in the running mean: two or three pauses are enough to know a slow speaker."""


def turn_wait_s(probability: float, finished: bool, rules: Rules, pause_s: float) -> float:
    """Return the silence in seconds after which the turn is over, between `min_wait_s` and `max_wait_s`.

    `probability` is the turn detector's, below the threshold; `finished` says that the transcript reads like a whole
    sentence; `pause_s` is this speaker's usual pause in mid-turn, 0 while unknown.
    """
    doubt = 1.0 - min(1.0, probability / rules.threshold) if rules.threshold else 0.0
    wait = rules.min_wait_s + (rules.max_wait_s - rules.min_wait_s) * doubt
    if finished:
        wait = (wait + rules.min_wait_s) / 2
    return min(rules.max_wait_s, max(wait, pause_s * PAUSE_MARGIN))


def learn_pause(known_s: float, newest_s: float) -> float:
    """Return the running mean of a speaker's pauses in mid-turn."""
    return newest_s if known_s == 0.0 else known_s + PAUSE_MEMORY * (newest_s - known_s)
