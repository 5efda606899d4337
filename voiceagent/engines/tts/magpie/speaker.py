"""Magpie's side on the lane: the model's decode loop, codec and text reader, and the steps made of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm, ramp_up
from voiceagent.engines.nemo.graphs import own_stream, settle
from voiceagent.engines.tts.magpie.codec import StreamingCodec
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop, Row, Stepped
from voiceagent.engines.tts.magpie.presets import Preset
from voiceagent.engines.tts.magpie.sampling import Sampling
from voiceagent.engines.tts.magpie.text import TextChunk, TextReader

log = logging.getLogger(__name__)

WARM_UP = "Good evening! On 12 May 2024, 3 foxes paid $15.50 to jump over the lazy dog's fence, and nobody knows why."
FADE_MS = 50
"""Speech that is cut off is faded out over its last 50 ms."""
MOST_SOUND_ROWS = 16
"""Streams whose frames a GPU decodes to sound together."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read a text."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin to decode a chunk of up to `frames` frames."""

    chunk: Chunk
    context: Context
    frames: int


@dataclass(frozen=True, slots=True)
class Decode:
    """Advance rows by one step."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    """Turn the same number of frames of some streams into sound; a `faded` one is cut off here."""

    places: tuple[int, ...]
    codes: tuple[NDArray[np.int64], ...]
    faded: tuple[bool, ...]


Task = Read | Begin | Decode | Sound


class Speaker:
    """A loaded Magpie TTS model with `rows` places."""

    def __init__(self, model: Any, sampling: Sampling, rows: int, *, normalize: bool, recompute: bool = False) -> None:
        self.voices: int = model.num_baked_speakers
        self.reader = TextReader(model, normalize=normalize)
        self.loop = DecodeLoop(model, sampling, rows, recompute=recompute)
        self._codec = StreamingCodec(model, rows)
        self.sample_rate = self._codec.sample_rate
        self.frame_s = self._codec.samples_per_frame / self._codec.sample_rate
        self._device = model.final_proj.weight.device
        self._stream = own_stream(self._device)
        self.most_sound_rows = min(MOST_SOUND_ROWS, rows) if self._device.type == "cuda" else 1

    def warm_up(self, preset: Preset, language: str, voice: int) -> None:
        """Run everything once, the longest first: builds grammars, allocates memory, records graphs."""
        settle(self._device)
        with self._stream:
            self._warm_up(preset, language, voice)

    def _warm_up(self, preset: Preset, language: str, voice: int) -> None:
        self.loop.warm_up()
        texts = self.reader.read(WARM_UP, language) or (TextChunk((0,), (), ()),)
        row = self.loop.begin(Chunk(texts[0].tokens, voice), Context())
        self.loop.step([row])
        self.loop.drop(row)
        if self._device.type == "cuda":
            self._codec.record(preset.sizes, self.most_sound_rows)
        for frames in preset.sizes:
            self._codec.decode([0], [np.zeros((frames, self.loop.codebooks), np.int64)])
        self._codec.forget(0)

    def free(self, rows: Sequence[Row], places: Sequence[int]) -> None:
        """Drop rows, and reset codec places."""
        with self._stream:
            for row in rows:
                self.loop.drop(row)
            for place in places:
                self._codec.forget(place)

    def run(self, task: Task) -> tuple[TextChunk, ...] | Row | list[Stepped] | list[Pcm]:
        """Run one step."""
        if isinstance(task, Read):
            return self.reader.read(task.text, task.language)
        with self._stream:
            return self._compute(task)

    def _compute(self, task: Begin | Decode | Sound) -> Row | list[Stepped] | list[Pcm]:
        if isinstance(task, Begin):
            return self.loop.begin(task.chunk, task.context, -(-task.frames // self.loop.stacking))
        if isinstance(task, Decode):
            return self.loop.step(task.rows)
        return [
            self._faded(pcm) if faded else pcm
            for pcm, faded in zip(self._codec.decode(task.places, task.codes), task.faded, strict=True)
        ]

    def _faded(self, pcm: Pcm) -> Pcm:
        ramp = ramp_up(min(len(pcm), self.sample_rate * FADE_MS // 1000))
        return np.concatenate((pcm[: len(pcm) - len(ramp)], pcm[len(pcm) - len(ramp) :] * ramp[::-1]))
