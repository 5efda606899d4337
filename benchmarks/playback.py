"""The agent's audio judged after the call: is it what the voice made, without holes, and can it be understood?

What the listener received is compared with what the same voice makes of the same text. A hole in it (the playout ran
dry) shifts everything after it; silence that the voice itself made does not. The voice and the recogniser are those of
the settings given; they run here, alone.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.conversations import Spoken
from benchmarks.corpus import RATE
from voiceagent.app.engines import build_engine
from voiceagent.app.specs import gpus_for
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.config.settings import Settings
from voiceagent.engines.asr.contract import AsrEvent, Transcript
from voiceagent.engines.drive import drive
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.text.words import word_error_rate

PIECE_S = 0.2
"""Long enough to be found again without doubt, short enough to tell where a hole is."""
LONGEST_HOLE_S = 1.0
"""A longer silence breaks off the search; the segment then counts as not found."""
CHARS_PER_S = 10.0
"""Slow speech: how far on the next segment may be when one was not found."""
EARLY_S = 0.01
"""No piece is found to the sample: the next may seem to lie a little early."""
ALIKE = 0.6
"""Correlation from which a piece counts as found; an Opus packet at 32 kb/s keeps 0.8 and more."""
QUIET_DB = -35.0
"""Pieces this far below the loudest of a segment are pauses: nothing to find."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a segment lies in what was received, in seconds, and the longest hole in it."""

    start: float
    end: float
    hole_ms: float
    found: float
    """The share of its pieces that were found."""


class Playback:
    """The models used for judging."""

    def __init__(self, settings: Settings) -> None:
        gpus = gpus_for(settings)
        self._tts = build_engine("tts", settings, gpus)
        self._asr = build_engine("asr", settings, gpus)
        self._tts.load()
        self._asr.load()

    def judge(self, answers: list[Spoken]) -> list[dict[str, Any]]:
        """Return for each answer: its segments, the silences between them, and what was understood of it."""
        return [self._judge(answer) for answer in answers]

    def speak(self, text: str) -> Pcm:
        """Say a segment's text: 16 kHz."""
        pieces: list[Pcm] = []

        def collect(event: TtsEvent) -> None:
            if isinstance(event, SpeechAudio):
                pieces.append(event.pcm)

        stream = self._tts.open(collect)
        stream.speak(1, 0, text, 0.0)
        drive(self._tts)
        stream.close()
        return resample(np.concatenate(pieces), self._tts.sample_rate, RATE)

    def hear(self, pcm: Pcm) -> Transcript:
        """Transcribe 16 kHz audio, whole."""
        heard: list[Transcript] = []

        def collect(event: AsrEvent) -> None:
            if isinstance(event, Transcript) and event.fork is not None:
                heard.append(event)

        stream = self._asr.open(collect)
        stream.begin_speech()
        stream.push(pcm)
        stream.finalise(1, deadline=0.0)
        drive(self._asr)
        stream.close()
        return heard[-1] if heard else Transcript("", 1)

    def _judge(self, answer: Spoken) -> dict[str, Any]:
        segments: list[dict[str, Any]] = []
        between_ms: list[float] = []
        end_s, within_s = 0.0, 0.5
        for text in answer.segments:
            placed = place(self.speak(text), answer.pcm, end_s, within_s)
            if placed is None:
                segments.append({"text": text, "found": 0.0, "hole_ms": None})
                within_s += LONGEST_HOLE_S + len(text) / CHARS_PER_S
                continue
            if segments and segments[-1]["found"]:
                between_ms.append(round((placed.start - end_s) * 1000, 1))
            segments.append({"text": text, "found": round(placed.found, 2), "hole_ms": round(placed.hole_ms, 1)})
            end_s, within_s = placed.end, LONGEST_HOLE_S
        text, understood = " ".join(answer.segments), self.hear(answer.pcm).text
        errors, words = word_error_rate(text, understood)
        return {
            "segments": segments,
            "between_ms": between_ms,
            "understood": understood,
            "errors": errors,
            "words": words,
        }


def place(reference: Pcm, received: Pcm, after_s: float, within_s: float) -> Placed | None:
    """Find a segment in what was received, its beginning between `after_s` and `after_s + within_s`. None if it is not
    there.
    """
    size = round(PIECE_S * RATE)
    pieces = [(at, reference[at : at + size]) for at in range(0, len(reference) - size + 1, size)]
    loudest = max((_power(piece) for _, piece in pieces), default=0.0)
    loud = [(at, piece) for at, piece in pieces if _power(piece) > loudest * 10 ** (QUIET_DB / 10)]
    offsets: list[int] = []
    earliest, slack = round(after_s * RATE), round(within_s * RATE)
    for at, piece in loud:
        begin = max(0, earliest + at)
        where = _find(piece, received[begin : begin + size + slack])
        if where is not None:
            offsets.append(begin + where - at)
            earliest, slack = offsets[-1] - round(EARLY_S * RATE), round(LONGEST_HOLE_S * RATE)
    if not offsets:
        return None
    hole = max((late - early for early, late in pairwise(offsets)), default=0)
    length = offsets[-1] + len(reference)
    return Placed(offsets[0] / RATE, length / RATE, max(0, hole) * 1000 / RATE, len(offsets) / len(loud))


def _power(pcm: Pcm) -> float:
    return float(np.mean(np.square(pcm)))


def _find(piece: Pcm, room: Pcm) -> int | None:
    """Return where in `room` the piece lies, None if nothing there is like it."""
    if len(room) < len(piece):
        return None
    length = 1 << (len(room) + len(piece)).bit_length()
    spectrum = np.fft.rfft(room, length) * np.conj(np.fft.rfft(piece, length))
    products = np.fft.irfft(spectrum, length)[: len(room) - len(piece) + 1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(room, dtype=np.float64))])
    energies = sums[len(piece) :] - sums[: -len(piece)]
    alike = products / np.sqrt(np.maximum(energies, 1e-9) * float(np.sum(np.square(piece, dtype=np.float64))))
    best = int(np.argmax(alike))
    return best if alike[best] >= ALIKE else None
