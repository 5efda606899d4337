"""The audio of one turn: it begins shortly before speech was detected, and is cut at pauses when it grows long.

For recognisers that take whole utterances, so that one step never has to process more than some seconds of audio.
Knows no model and no time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE

Pcm = NDArray[np.float32]

PREROLL_S = 0.4
"""Speech is detected about 0.1 s late; more than 0.3 s before it changes no transcript (538 human clips)."""
LINGER_S = 2.0
"""Silence kept after a fork, in case the speaker goes on: the sound that ends it may be speech not yet detected."""
CUT_AFTER_S, CUT_AT_S = 8.0, 12.0
"""Open audio longer than the first is cut at a pause; longer than the second, at its quietest moment."""
CUT_MARGIN_S = 1.5
"""No cut this close to either end: the recogniser needs words on both sides."""
PAUSE_S = 0.2
PAUSE_RATIO = 0.003
"""A pause is 25 dB below the loudest tenth of the audio, in power."""
HOP = SAMPLE_RATE // 50


@dataclass(slots=True, eq=False)
class Piece:
    """The turn's audio up to a cut, and its text once known."""

    pcm: Pcm
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The turn at one moment: the pieces cut off, and the open audio."""

    pieces: tuple[Piece, ...]
    open: Pcm

    @property
    def unsettled(self) -> list[Piece]:
        """The pieces whose text is not known yet."""
        return [piece for piece in self.pieces if piece.text is None]


class TurnAudio:
    """Holds back a little audio until speech begins, then all of it until the turn is committed."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._forked = np.zeros(0, np.float32)
        """Open audio up to the last fork."""
        self._fresh: list[Pcm] = []
        """The audio since then."""
        self._begun = False
        self._speaking = False

    @property
    def speaking(self) -> bool:
        """Whether speech has begun since the last fork."""
        return self._speaking

    def push(self, pcm: Pcm) -> None:
        """Take more audio."""
        self._fresh.append(pcm)
        if not self._speaking:
            self._trim(LINGER_S if self._begun else PREROLL_S)

    def begin(self) -> None:
        """Report that speech was detected."""
        self._begun = self._speaking = True

    def fork(self) -> Snapshot:
        """Mark this moment, and return the turn up to here."""
        self._speaking = False
        if self._begun:
            self._forked, self._fresh = self._open(), []
        return self.snapshot()

    def commit(self) -> None:
        """Forget everything up to the last fork; speech that began after it begins the next turn."""
        self._pieces = []
        self._forked = self._forked[:0]
        self._begun = self._speaking
        if not self._begun:
            self._trim(PREROLL_S)

    def snapshot(self) -> Snapshot:
        """Return the current turn, after cutting off audio that is too long."""
        if not self._begun:
            return Snapshot((), self._forked)
        audio = self._open()
        cuts = 0
        while (cut := find_cut(audio[cuts:])) is not None:
            self._pieces.append(Piece(audio[cuts : cuts + cut].copy()))
            cuts += cut
        if cuts:
            self._fresh = [audio[max(cuts, len(self._forked)) :].copy()]
            self._forked = self._forked[cuts:].copy()
        return Snapshot(tuple(self._pieces), audio[cuts:])

    def _open(self) -> Pcm:
        return np.concatenate((self._forked, *self._fresh))

    def _trim(self, seconds: float) -> None:
        """Drop the oldest fresh audio."""
        surplus = sum(map(len, self._fresh)) - int(seconds * SAMPLE_RATE)
        while surplus > 0:
            first = self._fresh.pop(0)
            if len(first) > surplus:
                self._fresh.insert(0, first[surplus:])
            surplus -= len(first)


def find_cut(pcm: Pcm) -> int | None:
    """Return the sample at which long audio is best cut, or None while it may grow."""
    if len(pcm) <= CUT_AFTER_S * SAMPLE_RATE:
        return None
    hops = pcm[: len(pcm) - len(pcm) % HOP].reshape(-1, HOP)
    power = np.mean(np.square(hops), axis=1)
    window = int(PAUSE_S * SAMPLE_RATE / HOP)
    smooth = np.convolve(power, np.full(window, 1 / window), "valid")
    margin = int(CUT_MARGIN_S * SAMPLE_RATE / HOP)
    last = min(len(smooth), int(CUT_AT_S * SAMPLE_RATE / HOP)) - margin
    quietest = margin + int(np.argmin(smooth[margin:last]))
    if len(pcm) <= CUT_AT_S * SAMPLE_RATE and smooth[quietest] > PAUSE_RATIO * np.quantile(power, 0.9):
        return None
    return (quietest + window // 2) * HOP
