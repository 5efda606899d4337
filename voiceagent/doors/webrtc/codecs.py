"""The codecs of calls: which decoder and which encoder each has."""

from typing import Literal

from voiceagent.audio.decoder import Decoder
from voiceagent.audio.opus import RATES, TIMESTAMP_RATE, OpusDecoder, OpusEncoder
from voiceagent.audio.receive import RATE
from voiceagent.audio.telephone import TelephoneCodec, TelephoneDecoder, TelephoneEncoder

CodecName = Literal["OPUS"] | TelephoneCodec
"""The codecs that are heard and spoken."""
BITRATE = 32_000
"""Bits per second of Opus: transparent for wide-band mono speech, with room for FEC."""
EXPECTED_LOSS_PERCENT = 5
"""The loss that FEC is dimensioned for."""


def make_decoder(codec: CodecName) -> Decoder:
    """Return a decoder of one sender's stream."""
    return OpusDecoder(RATE) if codec == "OPUS" else TelephoneDecoder(codec)


def make_encoder(codec: CodecName, rate: int) -> OpusEncoder | TelephoneEncoder:
    """Return an encoder for a voice at `rate` Hz; its own rate may be another."""
    if codec != "OPUS":
        return TelephoneEncoder(codec)
    opus_rate = rate if rate in RATES else TIMESTAMP_RATE
    return OpusEncoder(opus_rate, bitrate=BITRATE, fec=True, packet_loss_percent=EXPECTED_LOSS_PERCENT)
