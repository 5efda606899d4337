"""What a receiver asks of a codec's decoder: Opus (`opus.py`), or a telephone's (`telephone.py`)."""

from typing import Protocol

from voiceagent.audio.pcm import Pcm


class Decoder(Protocol):
    """A codec's decoder of one stream, to 16 kHz mono."""

    clock: int
    """Hz of its RTP timestamps."""

    def decode(self, payload: bytes) -> Pcm:
        """Decode a packet. Raises AudioError for one that cannot be."""

    def conceal(self, samples: int) -> Pcm:
        """Make up `samples` that continue the last ones."""

    def fec_samples(self, next_payload: bytes) -> int:
        """Return how many samples before a packet can be restored from it."""

    def decode_fec(self, next_payload: bytes, samples: int) -> Pcm:
        """Restore those. Raises AudioError."""
