"""What NeMo itself hears: its streaming step over its features of the whole recording, one stream at a time.

For benchmarks and tests; nothing here is fast.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voiceagent.engines.asr.nemotron.geometry import FRAME_MEL, HOP, Geometry

Pcm = NDArray[np.float32]


@dataclass(frozen=True)
class NemoHeard:
    """What NeMo heard."""

    tokens: list[int]
    frames: list[int]
    """The encoder frame of each token."""


def padded(pcm: Pcm, geometry: Geometry, tail: int = 0) -> Pcm:
    """Return audio with silence after it, up to the last mel frame of the chunk that its end (and tail) falls into."""
    chunks = 0
    while geometry.window(chunks)[1] < len(pcm) + tail:
        chunks += 1
    mel_frames = (chunks + 1) * geometry.mel_frames - (FRAME_MEL - 1)
    return np.pad(pcm, (0, max(0, mel_frames * HOP - len(pcm))))


@torch.inference_mode()
def features(model: Any, pcm: Pcm) -> torch.Tensor:
    """Return (1, mels, frames) of a whole recording."""
    signal, length = torch.from_numpy(pcm)[None], torch.tensor([len(pcm)])
    mel, length = model.preprocessor(input_signal=signal.to(model.device), length=length.to(model.device))
    return mel[:, :, : int(length[0])]


@torch.inference_mode()
def hear(model: Any, pcm: Pcm, geometry: Geometry) -> NemoHeard:
    """Return the tokens NeMo hears in a whole recording, and their encoder frames."""
    encoder = model.encoder
    encoder.set_default_att_context_size([geometry.left_context, geometry.right_context])
    encoder.setup_streaming_params()
    streaming = encoder.streaming_cfg

    def of(setting: Any, chunk: int) -> int:
        return int(setting[min(chunk, 1)] if isinstance(setting, list) else setting)

    mel = features(model, pcm)
    channel, time, length = encoder.get_initial_cache_state(batch_size=1, device=model.device)
    hypotheses: Any = None
    position = chunk = 0
    while position < mel.shape[2]:
        before = of(streaming.pre_encode_cache_size, chunk) if chunk else 0
        piece = mel[:, :, max(0, position - before) : position + of(streaming.chunk_size, chunk)]
        piece = torch.nn.functional.pad(piece, (max(0, before - position), 0))
        _, _, channel, time, length, hypotheses = model.conformer_stream_step(
            processed_signal=piece,
            processed_signal_length=torch.tensor([piece.shape[2]], device=piece.device),
            cache_last_channel=channel,
            cache_last_time=time,
            cache_last_channel_len=length,
            keep_all_outputs=False,
            previous_hypotheses=hypotheses,
            drop_extra_pre_encoded=streaming.drop_extra_pre_encoded if chunk else 0,
        )
        position += of(streaming.shift_size, chunk)
        chunk += 1
    (hypothesis,) = hypotheses
    return NemoHeard([int(id_) for id_ in hypothesis.y_sequence], [int(frame) for frame in hypothesis.timestamp])


def murmur(seconds: float, seed: int) -> Pcm:
    """Return something with the ups and downs of speech: noise and a gliding tone, 16 kHz mono."""
    random = np.random.default_rng(seed)
    count = int(seconds * 16_000)
    at = np.linspace(0, 1, count)

    def wandering(points_per_s: float) -> NDArray[np.float64]:
        points = int(seconds * points_per_s) + 2
        return np.interp(at, np.linspace(0, 1, points), random.random(points))

    tone = np.sin(2 * np.pi * np.cumsum(100 + 900 * wandering(4)) / 16_000)
    return (0.3 * wandering(8) ** 2 * (0.3 * random.standard_normal(count) + tone)).astype(np.float32)
