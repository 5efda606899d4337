"""One segment on its way from text to sound. Belongs to the event loop; the lane gets copies of what it needs."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm, ramp_up
from voiceagent.audio.speech import Word
from voiceagent.engines.contract import Need
from voiceagent.engines.queue import places
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, Row, Stepped
from voiceagent.engines.tts.magpie.text import TextChunk
from voiceagent.engines.tts.magpie.word_times import WordTimes

Mode = Literal["stream", "batch"]
"""Sound as early as possible, or all at once."""

BASE_FRAMES, FRAMES_PER_TOKEN = 32, 3
"""An utterance that has not ended after this many frames is cut off: twice a slow speaker's time, plus a second."""
SEED_STEP = 1_000
"""The distance between the seeds of two segments; chunks of a segment have consecutive seeds."""


@dataclass(slots=True, eq=False)
class Segment:
    """A queued segment. `texts` is None until its text has been read."""

    stream: int
    generation: int
    number: int
    text: str
    voice: int
    language: str
    mode: Mode
    seed: int
    deadline: float
    need: Need
    on_event: Callable[[TtsEvent], None]
    context: Context
    order: int = field(default_factory=places.__next__)
    gone: bool = False
    """Cancelled or failed: further results are dropped."""
    place: int | None = None
    """Its place in the codec."""
    row: Row | None = None
    """Its row in the decode loop, while a chunk is being decoded."""
    texts: tuple[TextChunk, ...] | None = None
    chunk: int = 0
    """The chunk being decoded, or the next one."""
    frames: list[NDArray[np.int64]] = field(default_factory=list)
    """Decoded frames not yet turned into sound: (codebooks) each."""
    decoded: int = 0
    """Frames decoded so far."""
    ready: list[Pcm] = field(default_factory=list)
    """Sound not yet handed out: that of a frame each."""
    sounded: int = 0
    """Frames whose sound has been handed out."""
    bounded: bool = False
    """Whether it was cut off because the model did not end by itself."""
    words: WordTimes = field(default_factory=lambda: WordTimes(()))
    held: list[Pcm] = field(default_factory=list)
    """Sound of a `batch` segment that is not complete yet."""

    @property
    def ended(self) -> bool:
        """Whether all of it has been decoded."""
        return self.texts is not None and self.chunk >= len(self.texts)

    @property
    def waiting(self) -> int:
        """Return how many decoded frames have not been handed out as sound."""
        return len(self.ready) + len(self.frames)

    def understood(self, texts: tuple[TextChunk, ...]) -> None:
        """Take the chunks of its text."""
        self.texts = texts
        self.words = WordTimes([word for text in texts for word in text.words])

    def next_chunk(self) -> tuple[Chunk, int]:
        """Return the chunk to decode next, and how many frames it may have."""
        assert self.texts is not None
        tokens = self.texts[self.chunk].tokens
        seed = self.seed + SEED_STEP * self.number + self.chunk
        more = self.chunk + 1 < len(self.texts)
        return Chunk(tokens, self.voice, seed, more), BASE_FRAMES + FRAMES_PER_TOKEN * len(tokens)

    def advance(self, stepped: Stepped, frame_s: float) -> None:
        """Take the result of a step."""
        assert self.texts is not None
        text = self.texts[self.chunk]
        before = self.decoded
        self.frames += list(stepped.frames)
        self.decoded += len(stepped.frames)
        if self.decoded > before:
            spoken = sum(len(earlier.words) for earlier in self.texts[: self.chunk])
            begun = spoken + bisect_right(text.starts, stepped.token)
            self.words.reach(begun, before * frame_s, self.decoded * frame_s)
        if stepped.ended:
            self.row = None
            self.chunk += 1
            self.bounded |= stepped.bounded

    def take_sound(self, pcm: Pcm, count: int) -> None:
        """Take the audio of the next `count` frames."""
        del self.frames[:count]
        self.ready += np.split(pcm, count)

    def hand_out(self, count: int, frame_s: float) -> SpeechAudio | None:
        """Return the next `count` frames' sound as an event, or None while a batch is incomplete."""
        final = self.ended and count == self.waiting
        if final and self.bounded and count:  # cut off: its last frame, 46 ms, is faded out
            self.ready[-1] = self.ready[-1] * ramp_up(len(self.ready[-1]))[::-1]
        pcm = np.concatenate(self.ready[:count]) if count else np.zeros(0, np.float32)
        del self.ready[:count]
        from_s = self.sounded * frame_s
        self.sounded += count
        if self.mode == "batch":
            self.held.append(pcm)
            if not final:
                return None
            pcm, from_s = np.concatenate(self.held), 0.0
        if final:
            words = self.words.finish(from_s, self.sounded * frame_s)
        else:
            words = self.words.take(self.sounded * frame_s, self.decoded * frame_s)
        return SpeechAudio(self.generation, self.number, pcm, words, final)

    def silence(self) -> SpeechAudio:
        """Return the event of a segment with nothing to say."""
        words = tuple(Word(word, 0.0, 0.0) for word in self.text.split())
        return SpeechAudio(self.generation, self.number, np.zeros(0, np.float32), words, final=True)
