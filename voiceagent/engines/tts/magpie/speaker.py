"""Magpie's side on the lane: the model's decode loop, codec and text reader, and the steps made of them."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.nemo.graphs import own_stream, settle
from voiceagent.engines.tts.magpie.decode_loop import MOST_TOKENS, Chunk, Context, DecodeLoop, Row, Stepped
from voiceagent.engines.tts.magpie.packed_codec import codec_for
from voiceagent.engines.tts.magpie.presets import Preset
from voiceagent.engines.tts.magpie.sampling import Sampling
from voiceagent.engines.tts.magpie.text import TextChunk, TextReader

log = logging.getLogger(__name__)

WARM_UP = "Good evening! On 12 May 2024, 3 foxes paid $15.50 to jump over the lazy dog's fence, and nobody knows why."
WARM_UP_LENGTHS = (8, 32, 128, MOST_TOKENS)
"""Of texts that a GPU reads once before the first conversation: it has kernels of its own for different lengths."""
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
class Sound:
    """Turn the same number of frames of some streams into sound."""

    places: tuple[int, ...]
    codes: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, slots=True)
class Decode:
    """Advance rows by one step, and meanwhile turn earlier frames into sound, where `beside` allows it."""

    rows: tuple[Row, ...]
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of a `Decode`."""

    rows: list[Stepped]
    sound: list[Pcm]


Task = Read | Begin | Decode | Sound


class Speaker:
    """A loaded Magpie TTS model with `rows` places and `threads` threads of a CPU."""

    def __init__(
        self,
        model: Any,
        sampling: Sampling,
        rows: int,
        *,
        normalize: bool,
        recompute: bool = False,
        threads: int = 1,
    ) -> None:
        self.voices: int = model.num_baked_speakers
        self.reader = TextReader(model, normalize=normalize)
        self.loop = DecodeLoop(model, sampling, rows, recompute=recompute)
        self._codec = codec_for(model, rows)
        self.sample_rate = self._codec.sample_rate
        self.frame_s = self._codec.samples_per_frame / self._codec.sample_rate
        self._device = self.loop.device
        self._stream = own_stream(self._device)
        self._recorded_rows = min(MOST_SOUND_ROWS, rows) if self._device.type == "cuda" else 1
        self._threads = threads
        self._beside = _second_thread(threads) if self._device.type == "cpu" and threads > 1 else None

    @property
    def beside(self) -> bool:
        """Whether frames are turned into sound while the next ones are decoded: on a CPU with threads for both."""
        return self._beside is not None

    def close(self) -> None:
        """End its second thread."""
        if self._beside is not None:
            self._beside.shutdown()

    def warm_up(self, preset: Preset, language: str, voice: int) -> None:
        """Run everything once, the longest first: builds grammars, allocates memory, records graphs."""
        settle(self._device)
        with self._stream:
            self._warm_up(preset, language, voice)

    def _warm_up(self, preset: Preset, language: str, voice: int) -> None:
        self.loop.warm_up()
        texts = self.reader.read(WARM_UP, language) or (TextChunk((0,), (), ()),)
        for length in WARM_UP_LENGTHS if self._device.type == "cuda" else ():
            tokens = (*texts[0].tokens[:1] * (length - 1), texts[0].tokens[-1])
            self.loop.drop(self.loop.begin(Chunk(tokens, voice), Context()))
        row = self.loop.begin(Chunk(texts[0].tokens, voice), Context())
        self.loop.step([row])
        self.loop.drop(row)
        if self._device.type == "cuda":
            self._codec.record(preset.sizes, self._recorded_rows)
        for frames in preset.sizes:
            self._codec.decode([0], [np.zeros((frames, self.loop.codebooks), np.int64)])
        self._codec.forget(0)

    def most_sound_rows(self, frames: int) -> int:
        """Return how many streams' next `frames` frames can be turned into sound at once."""
        return self._codec.most_rows(frames) if self._recorded_rows > 1 else 1

    def free(self, rows: Sequence[Row], places: Sequence[int]) -> None:
        """Drop rows, and reset codec places."""
        with self._stream:
            for row in rows:
                self.loop.drop(row)
            for place in places:
                self._codec.forget(place)

    def run(self, task: Task) -> tuple[TextChunk, ...] | Row | Decoded | list[Pcm]:
        """Run one step."""
        if isinstance(task, Read):
            return self.reader.read(task.text, task.language)
        with self._stream:
            return self._compute(task)

    def _compute(self, task: Begin | Decode | Sound) -> Row | Decoded | list[Pcm]:
        if isinstance(task, Begin):
            return self.loop.begin(task.chunk, task.context, -(-task.frames // self.loop.stacking))
        if isinstance(task, Sound):
            return self._codec.decode(task.places, task.codes)
        if task.sound is None:
            return Decoded(self.loop.step(task.rows), [])
        assert self._beside is not None
        torch.set_num_threads(self._threads - 1)
        sound = self._beside.submit(self._codec.decode, task.sound.places, task.sound.codes)
        try:
            rows = self.loop.step(task.rows)
        finally:
            wait((sound,))  # also after an error: the codec's state is one step's at a time
            torch.set_num_threads(self._threads)
        return Decoded(rows, sound.result())


def _second_thread(threads: int) -> ThreadPoolExecutor:
    """Return a thread on which torch computes with one thread, while this one goes on with `threads`."""
    pool = ThreadPoolExecutor(1, "tts-sound")
    pool.submit(torch.set_num_threads, 1).result()
    torch.set_num_threads(threads)  # torch takes the last number set for every thread that is new to it
    return pool
