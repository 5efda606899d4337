"""A user's voice as it comes in messages: `raw-audio`, base64 of 16-bit samples at any usual rate."""

import base64
import binascii

import numpy as np

from voiceagent.audio.pcm import Pcm, from_s16
from voiceagent.doors.intake import Intake
from voiceagent.doors.rtvi.envelope import Payload, RequestRefusedError

RATES = range(8_000, 48_001)
CHANNELS = (1, 2)


class Microphone:
    """One client's voice."""

    def __init__(self) -> None:
        self._intake = Intake()

    def take(self, data: Payload) -> list[Pcm]:
        """Return the audio in a message's data, at 16 kHz.

        Raises RequestRefusedError for what is no such audio, BadRequestError for audio that comes faster than speech.
        """
        rate, channels = data.get("sampleRate"), data.get("numChannels", 1)
        pieces = data.get("base64AudioBatch") or [data.get("base64Audio")]
        if not isinstance(rate, int) or rate not in RATES or channels not in CHANNELS or not isinstance(pieces, list):
            raise RequestRefusedError(
                "raw-audio needs base64Audio, a sampleRate of 8000 to 48000 and numChannels, which is 1 or 2."
            )
        return [self._intake.take(_mono(piece, channels), rate) for piece in pieces]


def _mono(piece: object, channels: int) -> Pcm:
    try:
        data = base64.b64decode(piece, validate=True) if isinstance(piece, str) else None
    except binascii.Error:
        data = None
    if data is None or len(data) % (2 * channels):
        raise RequestRefusedError("The audio is not base64 of whole 16-bit samples.")
    pcm = from_s16(data)
    return pcm if channels == 1 else np.ascontiguousarray(pcm.reshape(-1, channels).mean(axis=1))
