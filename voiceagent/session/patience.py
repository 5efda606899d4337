"""Whether to wait for more though a turn sounds complete: it is dictated piece by piece, its speaker is thinking, or it
breaks off in mid-sentence.

A digit, a letter or a word of a list sounds complete by itself. What gives it away is what the agent has asked for, and
the turn so far. How long to wait is `Rules.patience_s`, and longer for those who pause for long.
"""

from enum import Enum

from voiceagent.text import asks_to_dictate, breaks_off, is_dictated, is_filler, is_question, is_single, words

MOSTLY = 0.5
"""What answers "What is your number?" and is digits and letters to this share is dictated, whatever the rest seems."""


class Expected(Enum):
    """What the agent's last words ask for."""

    NOTHING = "nothing"
    ANSWER = "answer"
    DICTATION = "dictation"
    """A number, a code, a name, a list."""


def expected_after(text: str, language: str) -> Expected:
    """Return what a text asks for that ends the agent's response."""
    if asks_to_dictate(text, language):
        return Expected.DICTATION
    return Expected.ANSWER if is_question(text) else Expected.NOTHING


def goes_on(text: str, pauses: int, expected: Expected, language: str) -> bool:
    """Return whether more may follow a turn's text so far, in which its speaker has paused `pauses` times."""
    if is_filler(text, language) or breaks_off(text, language):
        return True
    count = len(words(text))
    if pauses and count <= pauses + 1:  # a list, item by item
        return True
    if expected is Expected.DICTATION and (count == 1 or is_dictated(text, language, share=MOSTLY)):
        return True
    if not is_dictated(text, language):
        return False
    if pauses or count > 1:
        return True
    return is_single(text, language) and expected is Expected.NOTHING
