"""Moonshine as a recogniser: it takes whole utterances, so the growing turn is transcribed again and again.

Every transcript of a stream, partial or final, is the draft of the next: where they agree, the decoder runs once.
Pieces cut off a long turn are transcribed once and kept as text. The model itself is in `model.py`.
"""

from collections.abc import Callable, Generator
from math import ceil, exp
from pathlib import Path
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.asr.moonshine.model import Decoding, Moonshine
from voiceagent.engines.asr.turn_audio import CUT_AFTER_S, Snapshot, TurnAudio
from voiceagent.engines.contract import Batch, CostKey, Need, claim
from voiceagent.engines.queue import UNDATED, Job, Next, QueueEngine

DECODE: CostKey = ("asr.decode", 1)
PARTIAL = -1
"""Tag of partial transcripts, which belong to no fork."""
PARTIAL_WITHIN_S = 0.1
"""A reader notices a word that appears much later than it was spoken."""
SETTLE_WITHIN_S = 2.0
"""A piece cut off needs its text before the turn ends, which is seldom sooner than this."""
WARM_UP_S = (0.5, 3.0, 12.0)

Steps = Generator[Next, None, Transcript | None]


class Draft:
    """The tokens expected for a turn's open audio. Used on the lane only; each turn has its own."""

    def __init__(self) -> None:
        self.tokens: list[int] = []


class MoonshineEngine(QueueEngine):
    """One loaded Moonshine and its streams; `partial_interval_s` of new speech ask for a partial (None: never)."""

    def __init__(
        self,
        encoder: Path,
        decoder: Path,
        tokenizer: Path,
        *,
        threads: int = 1,
        partial_interval_s: float | None = 0.4,
    ) -> None:
        super().__init__("asr")
        self._files = (encoder, decoder, tokenizer)
        self._threads = threads
        self.partial_interval_s = partial_interval_s
        self._model: Moonshine | None = None
        self._callers: WeakSet[MoonshineStream] = WeakSet()
        """The streams whose words somebody waits for."""

    def load(self) -> None:
        """Load the model and run it once per size. Raises VoiceAgentError for missing or damaged files."""
        self._model = Moonshine(*self._files, self._threads)
        hiss = np.random.default_rng(0).normal(0, 0.01, int(WARM_UP_S[-1] * SAMPLE_RATE)).astype(np.float32)
        for seconds in WARM_UP_S:
            for _ in self._hear(hiss[: int(seconds * SAMPLE_RATE)], Draft()):
                pass

    @property
    def languages(self) -> tuple[str, ...]:
        """English."""
        return ("en",)

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> "MoonshineStream":
        """Start listening; none of its work is more urgent than `need`."""
        stream = MoonshineStream(self, next(self._stream_ids), on_event, need)
        if need is not Need.BACKGROUND:
            self._callers.add(stream)
        return stream

    def pending(self, now: float) -> Batch | None:
        """Return the most urgent step, after giving new work its deadline."""
        for job in self._jobs:
            if job.deadline == UNDATED and job.need is not Need.BACKGROUND:
                job.deadline = now + (SETTLE_WITHIN_S if job.need is Need.PROMISED else PARTIAL_WITHIN_S)
        batch = super().pending(now)
        if batch is None or claim(batch.need, batch.deadline, now)[0] is not Need.BACKGROUND:
            return batch
        # A caller who speaks will want the lane at the first silence, and a step that has begun cannot be taken back.
        return None if any(caller.speaking for caller in self._callers) else batch

    def forget(self, stream: "MoonshineStream") -> None:
        """A stream has ended."""
        self._callers.discard(stream)
        self._wake()

    def is_transcribing(self, stream: int) -> bool:
        """Return whether a stream has work queued."""
        return any(job.stream == stream for job in self._jobs)

    def transcribe(self, turn: Snapshot, draft: Draft, fork: int | None) -> Generator[Next, None, Transcript]:
        """Transcribe a turn."""
        yield from self.settle(turn, draft)
        decoding = yield from self._hear(turn.open, draft)
        text = self._text(decoding)
        confidence = exp(decoding.log_probability / (len(decoding.tokens) + 1)) if text and fork is not None else None
        whole = " ".join(filter(None, [*(piece.text for piece in turn.pieces), text]))
        return Transcript(whole, fork, confidence=confidence)

    def settle(self, turn: Snapshot, draft: Draft) -> Generator[Next, None, None]:
        """Transcribe the pieces cut off a turn, each once."""
        for piece in turn.pieces:
            if piece.text is None:
                expected = draft.tokens
                piece.text = self._text((yield from self._hear(piece.pcm, draft)))
                piece.pcm = piece.pcm[:0].copy()
                draft.tokens = expected[len(draft.tokens) :]
                yield Next(encode_key(turn))

    def _hear(self, pcm: NDArray[np.float32], draft: Draft) -> Generator[Next, None, Decoding]:
        assert self._model is not None, "load() first"
        decoding = self._model.encode(pcm, draft.tokens)
        yield Next(DECODE)
        while not decoding.step():
            yield Next(DECODE)
        draft.tokens = decoding.tokens
        return decoding

    def _text(self, decoding: Decoding) -> str:
        assert self._model is not None, "load() first"
        return self._model.text(decoding.tokens)

    def close(self) -> None:
        """Drop all jobs and free the model."""
        super().close()
        self._model = None


class MoonshineStream:
    """One session's audio."""

    def __init__(
        self, engine: MoonshineEngine, stream: int, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED
    ) -> None:
        self._engine = engine
        self._need = need
        self.number = stream
        self._on_event = on_event
        self._audio = TurnAudio()
        self._draft = Draft()
        self._unseen = 0
        """Samples of speech since the last look at the turn."""

    @property
    def speaking(self) -> bool:
        """Whether speech is under way."""
        return self._audio.speaking

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Take more audio; enough new speech requests a partial transcript."""
        self._audio.push(pcm)
        if not self._audio.speaking:
            return
        self._unseen += len(pcm)
        if self._unseen < (self._engine.partial_interval_s or CUT_AFTER_S) * SAMPLE_RATE:
            return
        if not self._engine.is_transcribing(self.number):
            self._unseen = 0
            self._look()

    def begin_speech(self) -> None:
        """Include the audio shortly before in the turn, and show partials from now on."""
        if not self._audio.speaking:
            self._unseen = 0
        self._audio.begin()

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe the turn up to now, in place of an older fork or a partial; goes on listening."""
        self._engine.cancel(self.number)
        turn = self._audio.fork()
        self._submit(fork, deadline, turn, self._engine.transcribe(turn, self._draft, fork), need=Need.AWAITED)

    def commit(self) -> None:
        """End the turn at the last fork; audio after it belongs to the next."""
        self._engine.cancel(self.number)
        self._audio.commit()
        self._draft = Draft()

    def close(self) -> None:
        """End the stream."""
        self._engine.cancel(self.number)
        self._engine.forget(self)

    def _look(self) -> None:
        turn = self._audio.snapshot()
        if self._engine.partial_interval_s is not None:
            steps: Steps = self._engine.transcribe(turn, self._draft, None)
        else:
            steps = self._engine.settle(turn, self._draft)
        self._submit(PARTIAL, UNDATED, turn, steps, need=Need.PROMISED if turn.unsettled else Need.SPECULATIVE)

    def _submit(self, tag: int, deadline: float, turn: Snapshot, steps: Steps, *, need: Need) -> None:
        self._engine.submit(
            Job(self.number, tag, deadline, encode_key(turn), steps, self._on_event, max(need, self._need))
        )


def encode_key(turn: Snapshot) -> CostKey:
    """Return the cost key of the first step of a turn's transcription: the encoder's, by seconds of audio."""
    first = next((piece.pcm for piece in turn.unsettled), turn.open)
    return ("asr.encode", ceil(len(first) / SAMPLE_RATE))
