"""From a model's tokens to words with times. Knows sentencepiece's word mark and no model."""

from collections.abc import Callable, Iterable, Sequence
from math import exp

from voiceagent.audio.speech import Word
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.nemotron.geometry import FRAME_S
from voiceagent.engines.asr.nemotron.track import Token

WORD_MARK = "\u2581"
"""What sentencepiece puts before the first piece of a word."""


def words_of(tokens: Iterable[Token], piece: Callable[[int], str]) -> tuple[Word, ...]:
    """Return the words of some tokens; a word ends with the encoder frame that emitted its last piece."""
    words: list[Word] = []
    for token in tokens:
        text, at = piece(token.id), token.at / SAMPLE_RATE
        if words and not text.startswith(WORD_MARK):
            last = words.pop()
            words.append(Word(last.text + text, last.start_s, at + FRAME_S))
        else:
            words.append(Word(text.removeprefix(WORD_MARK), at, at + FRAME_S))
    return tuple(word for word in words if word.text)


def confidence_of(tokens: Sequence[Token]) -> float | None:
    """Return the geometric mean of the tokens' probabilities; None of none."""
    return exp(sum(token.log_probability for token in tokens) / len(tokens)) if tokens else None
