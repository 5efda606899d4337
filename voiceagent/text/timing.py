"""When each word of a segment is spoken, estimated from its length where the voice does not report it.

Time is shared out in proportion to the words' weights, with pauses where the marks ask for them. With phoneme
counts as weights the estimate is close (see `estimate_word_times`); it knows nothing of stress or speaking style.
"""

import math
import re
from collections.abc import Sequence

from voiceagent.text.language import Language
from voiceagent.text.languages import language as find

# Lengths of the pauses after a word, in phonemes (hibari: one is about 72 ms, a comma about 250 ms).
_CLAUSE_PAUSE = 3.0
_SENTENCE_PAUSE = 4.0

_SENTENCE_MARK = re.compile(r"[.!?…。！？][\"'”’)\]]*$")
_CLAUSE_MARK = re.compile(r"[,;:—–，、；：][\"'”’)\]]*$")
_SOUNDED = re.compile(r"[^\W_]")


def estimate_word_times(
    words: Sequence[str],
    duration_s: float,
    weights: Sequence[float] | None = None,
    language: str | Language = "en",
) -> tuple[tuple[float, float], ...]:
    """Return (start_s, end_s) for each word, from the beginning of the segment's speech.

    `duration_s` is the time from the first word's beginning to the last word's end. `weights` are the words'
    phoneme counts; without them letters are counted, numerals as they are said. The times ascend, and the last
    is `duration_s`. Raises ValueError when `weights` are not one for each word, or are negative or not finite.
    """
    if weights is None:
        weights = [_letters(find(language).read(word)) for word in words]
    if len(weights) != len(words) or not all(0 <= weight < math.inf for weight in weights):
        raise ValueError(f"need one weight >= 0 for each of the {len(words)} words, got {list(weights)}")
    if not words:
        return ()
    if not sum(weights):
        weights = [1.0] * len(words)
    pauses = [*(_pause(word) for word in words[:-1]), 0.0]
    scale = max(duration_s, 0.0) / (sum(weights) + sum(pauses))
    times, at = [], 0.0
    for weight, pause in zip(weights, pauses, strict=True):
        times.append((at * scale, (at + weight) * scale))
        at += weight + pause
    return tuple(times)


def _letters(said: str) -> float:
    return float(len(_SOUNDED.findall(said)))


def _pause(word: str) -> float:
    if _SENTENCE_MARK.search(word):
        return _SENTENCE_PAUSE
    return _CLAUSE_PAUSE if _CLAUSE_MARK.search(word) else 0.0
