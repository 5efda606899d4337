"""The device side of the recogniser: advances any of its slots by one chunk in one step.

It holds every slot's state, and knows neither text nor speakers. Step sizes come in buckets: a step of three streams
runs as one of four, whose last row is the spare slot. Each bucket has its own buffers and, on a GPU, its own CUDA
graphs; the host waits once per step, for the tokens.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voiceagent.engines.asr.nemotron.encoder import StreamingEncoder
from voiceagent.engines.asr.nemotron.features import LogMel
from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.asr.nemotron.transducer import SCORE, GreedyTransducer
from voiceagent.engines.nemo.graphs import captured, new_pool, own_stream, settle, to_host

SPARE_ROUNDS = 2
"""Decoder rounds beyond one per frame that are computed before the host checks whether more are needed."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The tokens of one slot in one chunk."""

    tokens: tuple[int, ...]
    frames: tuple[int, ...]
    """The encoder frame of each token, counted from the chunk's first."""
    log_probabilities: tuple[float, ...]
    """Of each token."""
    finite: bool
    """False if the output is not finite: the tokens mean nothing, and the slot must be reset."""


class Recogniser:
    """A NeMo cache-aware RNN-T model over `slots` streams."""

    def __init__(self, model: Any, geometry: Geometry, slots: int, buckets: Sequence[int]) -> None:
        weight = model.joint.pred.weight
        self.device, self.geometry = weight.device, geometry
        self._dtype = weight.dtype
        self._stream = own_stream(self.device)
        self.buckets = tuple(sorted(buckets))
        self.spare = slots
        """The slot that pads a bucket."""
        self._features = LogMel(model.preprocessor, self.device)
        self._encoder = StreamingEncoder(model.encoder, geometry, slots + 1)
        self._prompt = _prompt_of(model)
        self._transducer = GreedyTransducer(model.decoder, model.joint, _max_symbols(model), slots + 1)
        self._bucket_steps: dict[int, _Bucket] = {}

    def warm_up(self) -> None:
        """Run every bucket once on the spare slot; on a GPU this records the graphs."""
        settle(self.device)
        with self._stream:
            pool = new_pool(self.device)
            for size in reversed(self.buckets):  # the largest allocation first
                self._bucket_steps[size] = _Bucket(self, size, pool)
        self.reset(self.spare)

    @torch.inference_mode()
    def reset(self, slot: int) -> None:
        """Reset a slot."""
        with self._stream:
            for tensor, dimension in self._encoder.state:
                tensor.select(dimension, slot).zero_()
            self._transducer.reset(slot)

    @torch.inference_mode()
    def copy(self, source: int, target: int) -> None:
        """Copy a slot's state to another."""
        with self._stream:
            for tensor, dimension in (*self._encoder.state, *self._transducer.state):
                tensor.select(dimension, target).copy_(tensor.select(dimension, source))

    @torch.inference_mode()
    def snapshot(self, slot: int) -> list[Tensor]:
        """Return a copy of a slot's whole state."""
        state = (*self._encoder.state, *self._transducer.state)
        return [tensor.select(dimension, slot).clone() for tensor, dimension in state]

    @torch.inference_mode()
    def step(self, slots: Sequence[int], samples: NDArray[np.float32]) -> list[Heard]:
        """Advance each slot by one chunk. `samples` is (slots, geometry.window_samples), float32, 16 kHz; no slot may
        occur twice, and there must be no more slots than the largest bucket holds.
        """
        size = self.buckets[bisect_left(self.buckets, len(slots))]
        with self._stream:
            return self._bucket_steps[size].run([*slots, *[self.spare] * (size - len(slots))], samples, len(slots))

    def encode(self, samples: Tensor, slots: Tensor) -> Tensor:
        """Return the decoder's input (batch, frames, width) for samples."""
        # The decoder keeps its own dtype: it is small, and token scores are close.
        encoded = self._encoder.step(self._features(samples), slots).to(self._dtype)
        return encoded if self._prompt is None else self._prompt(encoded)

    @property
    def transducer(self) -> GreedyTransducer:
        """The decoder."""
        return self._transducer


class _Bucket:
    """The buffers and graphs for steps of one size."""

    def __init__(self, recogniser: Recogniser, size: int, pool: Any) -> None:
        geometry, self._device = recogniser.geometry, recogniser.device
        self._on_cpu = self._device.type == "cpu"
        self._transducer = recogniser.transducer
        with torch.inference_mode():
            self._host_samples = torch.zeros(size, geometry.window_samples, pin_memory=not self._on_cpu)
            self._host_slots = torch.zeros(size, dtype=torch.int64, pin_memory=not self._on_cpu)
            self._samples = self._host_samples.to(self._device)
            self._slots = torch.full((size,), recogniser.spare, device=self._device)
            self._finite = torch.ones(size, dtype=torch.int64, device=self._device)
            self._at = self._transducer.start(recogniser.encode(self._samples, self._slots))

            def encode() -> None:
                encoded = recogniser.encode(self._samples, self._slots)
                self._finite.copy_(encoded.isfinite().flatten(1).all(1))
                for kept, new in zip(_tensors(self._at), _tensors(self._transducer.start(encoded)), strict=True):
                    kept.copy_(new)

            def decode() -> None:
                for _ in range(geometry.frames + SPARE_ROUNDS):
                    self._transducer.round(self._at, self._slots)

            self._encode = captured(encode, self._device, pool)
            self._decode: Callable[[], None] = (
                self._decode_eagerly if self._on_cpu else captured(decode, self._device, pool)
            )

    def run(self, slots: Sequence[int], samples: NDArray[np.float32], count: int) -> list[Heard]:
        """Compute one step; only the first `count` rows matter."""
        self._host_samples[:count].copy_(torch.from_numpy(samples))
        self._host_samples[count:].zero_()
        self._host_slots.copy_(torch.tensor(slots))
        self._samples.copy_(self._host_samples, non_blocking=True)
        self._slots.copy_(self._host_slots, non_blocking=True)
        self._encode()
        while True:
            self._decode()
            at = self._at
            rows = torch.cat((at.frame[:, None], at.count[:, None], self._finite[:, None]), dim=1)
            rows = torch.cat((rows, at.tokens, at.frames, at.scores), dim=1)
            read = to_host(rows[:count]).tolist()
            if all(row[0] >= at.projected.shape[1] for row in read):
                break
        most = at.tokens.shape[1]

        def part(row: list[int], number: int) -> tuple[int, ...]:
            begin = 3 + number * most
            return tuple(row[begin : begin + row[1]])

        return [
            Heard(part(row, 0), part(row, 1), tuple(SCORE * score for score in part(row, 2)), bool(row[2]))
            for row in read
        ]

    def _decode_eagerly(self) -> None:
        frames = self._at.projected.shape[1]
        while bool((self._at.frame < frames).any()):
            self._transducer.round(self._at, self._slots, skip=True)


def _tensors(at: Any) -> tuple[Tensor, ...]:
    return at.projected, at.frame, at.symbols, at.count, at.tokens, at.frames, at.scores


def _max_symbols(model: Any) -> int:
    return int(model.cfg.decoding.greedy.get("max_symbols") or 10)


def _prompt_of(model: Any) -> Callable[[Tensor], Tensor] | None:
    """Return what NeMo's language prompt does to the encoder's output: the one-hot language becomes a bias."""
    index = getattr(model, "_inference_prompt_index", None)
    if index is None:
        return None
    first, activation, second = model.prompt_kernel
    width = first.in_features - model.num_prompts
    weight = first.weight[:, :width]
    bias = first.bias + first.weight[:, width + index]

    def prompt(encoded: Tensor) -> Tensor:
        return second(activation(torch.nn.functional.linear(encoded, weight, bias)))

    return prompt
