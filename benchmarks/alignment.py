"""Where the words of a recording with known text begin and end, by forced alignment (pocketsphinx)."""

import re
from dataclasses import dataclass

from pocketsphinx import Decoder

from voiceagent.audio.pcm import Pcm, to_s16

FRAME_S = 0.01
"""Times are whole frames of this length."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it is said, in seconds from the beginning of the recording."""

    text: str
    start_s: float
    end_s: float


class Aligner:
    """Aligns English, 16 kHz."""

    def __init__(self) -> None:
        self._decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")

    def words(self, pcm: Pcm, text: str) -> list[Word]:
        """Return the words of `text` as they lie in the recording; none where a word is unknown or does not fit."""
        spoken = re.findall(r"[a-z']+", text.lower().replace("-", " "))
        decoder = self._decoder
        if not spoken or any(decoder.lookup_word(word) is None for word in spoken):
            return []
        decoder.set_align_text(" ".join(spoken))
        decoder.start_utt()
        decoder.process_raw(to_s16(pcm), full_utt=True)
        decoder.end_utt()
        found = [
            Word(re.sub(r"\(\d+\)$", "", piece.word), piece.start_frame * FRAME_S, (piece.end_frame + 1) * FRAME_S)
            for piece in decoder.seg() or ()
            if not piece.word.startswith("<")
        ]
        return found if [word.text for word in found] == spoken else []
