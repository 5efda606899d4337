"""Text: sentence splitting, speech normalisation, and the timing of words."""

from voiceagent.text.boundaries import ends_sentence
from voiceagent.text.dictation import asks_to_dictate, is_dictated, is_filler, is_question, is_single
from voiceagent.text.language import Language
from voiceagent.text.languages import LANGUAGES, load_languages
from voiceagent.text.segments import Segmenter
from voiceagent.text.signs import calls_out, is_drawn_out, is_tic, says_nothing
from voiceagent.text.speakable import speakable
from voiceagent.text.timing import estimate_word_times
from voiceagent.text.words import (
    asks_again,
    breaks_off,
    is_backchannel,
    looks_finished,
    normalise,
    word_error_rate,
    words,
)

__all__ = [
    "LANGUAGES",
    "Language",
    "Segmenter",
    "asks_again",
    "asks_to_dictate",
    "breaks_off",
    "calls_out",
    "ends_sentence",
    "estimate_word_times",
    "is_backchannel",
    "is_dictated",
    "is_drawn_out",
    "is_filler",
    "is_question",
    "is_single",
    "is_tic",
    "load_languages",
    "looks_finished",
    "normalise",
    "says_nothing",
    "speakable",
    "word_error_rate",
    "words",
]
