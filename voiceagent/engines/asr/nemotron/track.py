"""One stream through the recogniser: its audio, and how far it has been processed.

A session's stream is a track, and so is each fork of it. Knows no model, no device and no time.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.nemotron.geometry import FRAME_SAMPLES, Geometry
from voiceagent.engines.asr.nemotron.recogniser import Heard

Pcm = NDArray[np.float32]
MOST_PEAK = 32.0
"""Samples beyond this are no sound and would make nonsense of the log features."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a word, and where it was heard."""

    id: int
    at: int
    """The first sample, counted over all samples pushed to the track, of the encoder frame that emitted it."""
    log_probability: float = 0.0


@dataclass(slots=True, eq=False)
class Track:
    """A slot of the recogniser, and its state on the host."""

    slot: int
    geometry: Geometry
    begins: int = 0
    """Where the recogniser's slot started, in samples of the track."""
    chunks: int = 0
    """Chunks computed since then."""
    heard: int = 0
    """Samples pushed."""
    due_by: float | None = None
    """Deadline of the chunk that is due, once it has been offered."""
    _audio: Pcm = field(default_factory=lambda: np.zeros(0, np.float32))
    _kept_from: int = 0
    """The first sample in `_audio`."""

    def push(self, pcm: Pcm) -> None:
        """Take more audio, 16 kHz; values that are not finite become silence."""
        clean = np.clip(np.nan_to_num(pcm, nan=0.0, posinf=0.0, neginf=0.0), -MOST_PEAK, MOST_PEAK)
        self._audio = np.concatenate((self._audio, clean.astype(np.float32, copy=False)))
        self.heard += len(pcm)

    @property
    def due(self) -> bool:
        """Whether all samples of the next chunk have arrived."""
        return self.is_due_within(self.heard)

    def is_due_within(self, samples: int) -> bool:
        """Return whether the next chunk needs only the first `samples` samples."""
        return self.begins + self.geometry.window(self.chunks)[1] <= samples

    @property
    def behind(self) -> int:
        """Samples pushed and not yet processed."""
        return self.heard - self.begins - self.chunks * self.geometry.chunk_samples

    def next_window(self) -> Pcm:
        """Return the samples of the next chunk; silence before the start and after the end."""
        start, end = (self.begins + edge for edge in self.geometry.window(self.chunks))
        window = np.zeros(end - start, np.float32)
        first, last = max(start, self._kept_from, self.begins), min(end, self.heard)
        if last > first:
            window[first - start : last - start] = self._audio[first - self._kept_from : last - self._kept_from]
        return window

    def advance(self, heard: Heard) -> list[Token]:
        """Take the next chunk's result and return its tokens; drop audio that no chunk needs any more."""
        first_frame = self.chunks * self.geometry.frames
        self.chunks += 1
        self.due_by = None
        surplus = min(self.begins + self.geometry.window(self.chunks)[0], self.heard) - self._kept_from
        if 2 * surplus > len(self._audio):  # so that an hour pushed at once is not copied at every chunk
            self._audio = self._audio[surplus:].copy()
            self._kept_from += surplus
        return [
            Token(id_, self.begins + (first_frame + frame) * FRAME_SAMPLES, log_probability)
            for id_, frame, log_probability in zip(heard.tokens, heard.frames, heard.log_probabilities, strict=True)
        ]

    def restart(self) -> None:
        """Start over with the audio to come: audio not yet processed is lost."""
        self._audio, self._kept_from = self._audio[:0].copy(), self.heard
        self.begins, self.chunks, self.due_by = self.heard, 0, None

    def fork(self, slot: int, end: int) -> "Track":
        """Return a track in another slot, as far along as this one, whose audio ends at sample `end`."""
        end = max(end, self._kept_from)
        audio = self._audio[: end - self._kept_from].copy()
        return Track(slot, self.geometry, self.begins, self.chunks, end, None, audio, self._kept_from)

    def chunks_to(self, end: int) -> int:
        """Return how many more chunks cover the features of every sample before `end`."""
        chunks = 0
        while self.begins + self.geometry.window(self.chunks + chunks - 1)[1] < end:
            chunks += 1
        return chunks
