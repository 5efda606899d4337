"""How samples, mel frames and encoder frames of a cache-aware FastConformer relate to each other.

An encoder frame covers eight mel frames of 10 ms. The encoder sees `right_context` frames ahead, so its work comes in
chunks of `right_context + 1` frames, and a chunk can be computed once the last mel frame it uses is complete. Every
chunk, the first included, is computed from a window of the same length; samples before the stream are zero.
"""

from dataclasses import dataclass

from voiceagent.engines.asr.contract import SAMPLE_RATE

HOP = 160
"""Samples from one mel frame to the next."""
WINDOW = 400
"""Samples in a mel frame, centred on its time."""
FRAME_MEL = 8
"""Mel frames in an encoder frame."""
FRAME_SAMPLES = FRAME_MEL * HOP
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
MEL_CACHE = FRAME_MEL + 1
"""Mel frames before a chunk that its subsampling needs."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The chunks of a stream, counted from 0, in samples from its start."""

    left_context: int
    """Encoder frames that a chunk may look back."""
    right_context: int
    """Encoder frames that the first frame of a chunk may look ahead."""

    @property
    def frames(self) -> int:
        """Encoder frames in a chunk."""
        return self.right_context + 1

    @property
    def mel_frames(self) -> int:
        """New mel frames in a chunk."""
        return FRAME_MEL * self.frames

    @property
    def chunk_samples(self) -> int:
        """Samples from one chunk to the next."""
        return FRAME_SAMPLES * self.frames

    @property
    def window_samples(self) -> int:
        """Samples a chunk is computed from; the first only serves the pre-emphasis of the second."""
        return 1 + WINDOW + HOP * (self.mel_frames - 1)

    def window(self, chunk: int) -> tuple[int, int]:
        """Return the first sample of a chunk's window (negative: before the stream) and the sample after its last."""
        end = FRAME_SAMPLES * ((chunk + 1) * self.frames - 1) + WINDOW // 2
        return end - self.window_samples, end
