"""A segment's speech: its samples, how far they have been sent and played, and which words were heard.

Part of the bookkeeping below `Playout`, which alone decides when anything moves.
"""

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.speech import Word


class SegmentBuffer:
    """A segment's audio, kept until all of it was played so that a resume can step back in it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.words: list[Word] = []
        self.words_heard = 0
        self.final = False
        self.pause = 0  # samples of silence after it
        self.length = 0
        self.position = 0  # the next sample to send
        self.begun = False  # its first sample has been sent
        self.furthest = 0  # how far it was played, as if there had been no stepping back
        self._pieces: list[tuple[int, Pcm]] = []

    @property
    def left(self) -> int:
        """Samples not sent yet."""
        return self.length - self.position

    @property
    def complete(self) -> bool:
        """All of it has been sent, and no more comes."""
        return self.final and self.left == 0

    @property
    def played(self) -> bool:
        """All of it has been played, and no more comes."""
        return self.complete and self.furthest == self.length

    def append(self, pcm: Pcm) -> None:
        """Take the next samples."""
        self._pieces.append((self.length, pcm))
        self.length += len(pcm)

    def step_back(self, limit: int, rate: int) -> None:
        """Go to the beginning of the word that `position` cuts, if that is at most `limit` samples back."""
        for word in self.words:
            start, end = max(0, round(word.start_s * rate)), round(word.end_s * rate)
            if start < self.position < end and self.position - start <= limit:
                self.position = start
                return

    @property
    def has_audio(self) -> bool:
        """Whether its samples are kept."""
        return bool(self._pieces)

    def forget_audio(self) -> None:
        """Free the samples; nothing of them is read again."""
        self._pieces.clear()

    def read(self, count: int) -> Pcm:
        """Return up to `count` samples from `position` on, which stays."""
        end = min(self.position + count, self.length)
        parts = [
            pcm[max(0, self.position - start) : end - start]
            for start, pcm in self._pieces
            if start < end and start + len(pcm) > self.position
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def reach(self, position: int) -> None:
        """Record what comes before a position as played."""
        self.furthest = max(self.furthest, position)

    def hear_words(self, rate: int) -> range:
        """Count the words that have become heard since the last call, and return their numbers.

        When all its audio is out, all its words are, wherever the timing puts them; without audio, none are.
        """
        first = self.words_heard
        self.words_heard = self.words_within(self.furthest, rate, first)
        return range(first, self.words_heard)

    def words_within(self, position: int, rate: int, known: int = 0) -> int:
        """Return how many words are heard when it is played up to a position; `known` of them are in any case."""
        if position and self.complete and position == self.length:
            return len(self.words)
        while position and known < len(self.words) and self.words[known].middle_s <= position / rate:
            known += 1
        return known
