"""A speech recogniser without a model: it reveals a text word by word while it hears a voice.

Only the length of the sound matters: a tone of one second stands for `words_per_second` words. The words come from a
script, or are given for each stream as it goes on (`say`).
"""

import time
from collections.abc import Callable, Generator
from math import ceil

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.contract import Batch, CostKey, Need
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import Frames, Script, ScriptedEngine, ScriptedStep, entry, voiced
from voiceagent.engines.timing import SMALL_CPU, StepTimes

PARTIAL_KEY: CostKey = ("asr.partial", 1)
FINAL_KEY: CostKey = ("asr.final", 1)
PARTIAL = -1
"""Tag of partial transcripts, which belong to no fork."""
UNDATED = float("-inf")
"""Deadline of a partial until the scheduler first asks for work: `push` does not get the time."""
PARTIAL_WITHIN_S = 0.1
"""A reader notices a word that appears much later than it was spoken; no caller waits for it in silence."""
FRAME_SAMPLES = 160
"""10 ms: how finely voiced audio is measured."""
TEXTS = ("Hello, can you hear me?", "Tell me something about the sea.", "Thank you, that was nice.")


class ScriptedAsr(ScriptedEngine):
    """Hears the n-th text of the script in a stream's n-th turn, at `words_per_second` of voiced audio.

    A turn is counted when it is committed with at least one word: a cough uses up no text. A stream whose words have
    been given by `say` hears those and no script: any other sound on it is a cough. Partials come at each new word, but
    not within `partial_interval_s` of audio after the last (None: never).
    """

    partial_within_s = PARTIAL_WITHIN_S

    def __init__(
        self,
        texts: Script[str] = TEXTS,
        *,
        words_per_second: float = 3.0,
        partial_interval_s: float | None = 0.0,
        timing: StepTimes = SMALL_CPU,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("asr", timing, sleep)
        self.confidence: float | None = None
        """How sure it says it is of its final transcripts."""
        self.partial_interval_s = partial_interval_s
        self._texts = texts
        self._words_per_frame = words_per_second * FRAME_SAMPLES / SAMPLE_RATE
        self._streams: dict[int, ScriptedAsrStream] = {}

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> "ScriptedAsrStream":
        """Start listening; none of its work is more urgent than `need`."""
        return ScriptedAsrStream(self, next(self._stream_ids), on_event, need)

    def say(self, stream: int, text: str) -> float:
        """Give a stream the words of its next voiced audio; return how many seconds of it they take."""
        return self._streams[stream].say(text.split()) * FRAME_SAMPLES / SAMPLE_RATE

    def opened(self, stream: "ScriptedAsrStream") -> None:
        """Register a stream by its number, until it is closed."""
        self._streams[stream.number] = stream

    def closed(self, stream: int) -> None:
        """Drop a stream and its work."""
        self.cancel(stream)
        self._streams.pop(stream, None)

    def pending(self, now: float) -> Batch | None:
        """Return the most urgent step, after giving new partials their deadline."""
        for job in self._jobs:
            if job.deadline == UNDATED:
                job.deadline = now + self.partial_within_s
        return super().pending(now)

    def words_in(self, voiced_frames: int) -> int:
        """Return how many words `voiced_frames` reveal."""
        return int(voiced_frames * self._words_per_frame + 1e-6)

    def frames_of(self, words: int) -> int:
        """Return how many voiced frames reveal `words`."""
        return ceil(words / self._words_per_frame - 1e-6)

    def text(self, turn: int, words: int) -> str:
        """Return the first words of a turn's text."""
        return " ".join(entry(self._texts, turn).split()[:words])

    def has_open(self, stream: int, tag: int) -> bool:
        """Return whether a stream's work with this tag is still queued."""
        return any(job.stream == stream and job.tag == tag for job in self._jobs)


class ScriptedAsrStream:
    """One session's audio. Counts voiced frames since it was opened; marks say which belong to this turn."""

    def __init__(
        self, engine: ScriptedAsr, stream: int, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED
    ) -> None:
        self._engine = engine
        self._need = need
        self.number = stream
        self._on_event = on_event
        self._frames = Frames(FRAME_SAMPLES)
        self._turn = 0
        self._voiced = 0
        self._turn_began_at = 0
        self._forked_at = 0
        self._speaking = False
        self._spoke_since_fork = False
        self._words_shown = 0
        self._unseen_s = float("inf")
        """Audio since the last partial."""
        self._said: list[tuple[int, str]] | None = None
        """The words given, each with the number of voiced frames after which it has been heard."""
        engine.opened(self)

    def say(self, words: list[str]) -> int:
        """Take the words of the next voiced audio, after those given before; return their voiced frames."""
        self._said = self._said or []
        begin = max([self._voiced, *(frame for frame, _ in self._said[-1:])])
        self._said += [(begin + self._engine.frames_of(n), word) for n, word in enumerate(words, 1)]
        return self._engine.frames_of(len(words))

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Hear more audio; once speech has begun, a new word asks for a partial transcript."""
        self._voiced += voiced(self._frames.push(pcm))
        self._unseen_s += len(pcm) / SAMPLE_RATE
        words, interval_s = self._words_up_to(self._voiced), self._engine.partial_interval_s
        due = self._speaking and interval_s is not None and self._unseen_s >= interval_s
        if due and words > self._words_shown and not self._engine.has_open(self.number, PARTIAL):
            self._words_shown, self._unseen_s = words, 0.0
            self._submit(PARTIAL, UNDATED, PARTIAL_KEY, self._transcribe(None, words), Need.PROMISED)

    def begin_speech(self) -> None:
        """Show partials from now on; every voiced frame since the last turn counts."""
        self._speaking = self._spoke_since_fork = True

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe what has been heard up to now, in place of an older fork or a partial; goes on listening."""
        self._engine.cancel(self.number)
        self._forked_at = self._voiced
        self._spoke_since_fork = False
        words = self._words_up_to(self._voiced)
        self._submit(fork, deadline, FINAL_KEY, self._transcribe(fork, words))

    def commit(self) -> None:
        """End the turn at the last fork; voiced audio after it belongs to the next."""
        self._engine.cancel(self.number)
        if self._words_up_to(self._forked_at):
            self._turn += 1
        self._turn_began_at = self._forked_at
        if self._said is not None:
            self._said = [(frame, word) for frame, word in self._said if frame > self._turn_began_at]
        self._speaking = self._spoke_since_fork
        self._words_shown = 0

    def close(self) -> None:
        """End the stream."""
        self._engine.closed(self.number)

    def _words_up_to(self, voiced: int) -> int:
        if self._said is not None:
            return sum(frame <= voiced for frame, _ in self._said)
        return self._engine.words_in(voiced - self._turn_began_at)

    def _submit(
        self,
        tag: int,
        deadline: float,
        key: CostKey,
        steps: Generator[ScriptedStep, None, None],
        need: Need = Need.AWAITED,
    ) -> None:
        self._engine.submit(Job(self.number, tag, deadline, key, steps, self._on_event, max(need, self._need)))

    def _transcribe(self, fork: int | None, words: int) -> Generator[ScriptedStep, None, None]:
        """Return the step that gives this turn's first words."""
        said = None if self._said is None else " ".join(word for _, word in self._said[:words])
        return self._read(fork, self._turn, words, said)

    def _read(self, fork: int | None, turn: int, words: int, said: str | None) -> Generator[ScriptedStep, None, None]:
        text = self._engine.text(turn, words) if said is None else said
        yield ScriptedStep(Transcript(text, fork, confidence=None if fork is None else self._engine.confidence))
