"""Audio in and out. Only `voiceagent.audio.files` and `decode` need FFmpeg (files, resampling)."""

from voiceagent.audio.jitter import JitterBuffer
from voiceagent.audio.opus import OpusDecoder, OpusEncoder
from voiceagent.audio.pcm import AudioError, Pcm
from voiceagent.audio.playout import Playout
from voiceagent.audio.receive import AudioReceiver, ReceiveStats
from voiceagent.audio.speech import (
    Drained,
    Heard,
    HeardSegment,
    PlayoutEvent,
    SegmentHeard,
    SegmentStarted,
    SpeechChunk,
    Word,
    WordHeard,
)

__all__ = [
    "AudioError",
    "AudioReceiver",
    "Drained",
    "Heard",
    "HeardSegment",
    "JitterBuffer",
    "OpusDecoder",
    "OpusEncoder",
    "Pcm",
    "Playout",
    "PlayoutEvent",
    "ReceiveStats",
    "SegmentHeard",
    "SegmentStarted",
    "SpeechChunk",
    "Word",
    "WordHeard",
]
