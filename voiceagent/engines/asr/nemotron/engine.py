"""Nemotron Speech as a recogniser: every session's next chunk in one step.

The event loop owns the streams and their tracks; the lane owns the recogniser's slots. What must happen to a slot
before its use (a reset, a copy of another's state) is queued as a chore and done by the next step, in order, so that
opening, forking and closing cost the event loop nothing.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.speech import Word
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent
from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.asr.nemotron.recogniser import Heard, Recogniser
from voiceagent.engines.asr.nemotron.stream import NemotronStream
from voiceagent.engines.asr.nemotron.track import Token, Track
from voiceagent.engines.asr.nemotron.words import words_of
from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import Batch, CostKey, Need, claim
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

MOST_ROWS = 64
"""Streams in one step; those with later deadlines wait for the next."""

NOT_FINITE = "The recogniser's output is not a number; it starts over. If this recurs, set asr.dtype: float32."


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset a slot."""

    slot: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy another slot's state into a slot."""

    source: int
    slot: int


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """One step: the chores first, then a chunk for each track."""

    chores: tuple[Reset | Copy, ...]
    owners: tuple[NemotronStream, ...]
    tracks: tuple[Track, ...]
    windows: NDArray[np.float32]


class NemotronEngine(EngineBase):
    """A NeMo cache-aware RNN-T model.

    `load_model` returns the model, on its device and in evaluation mode. `tail_ms` is the silence, beyond the end of
    the last chunk, that a final transcript's fork looks ahead into; `partial_interval_s` is the shortest time between
    two partials (None: no partials).
    """

    def __init__(
        self,
        load_model: Callable[[], Any],
        *,
        right_context: int = 1,
        max_streams: int = 4,
        tail_ms: int = 160,
        partial_interval_s: float | None = 0.0,
    ) -> None:
        super().__init__("asr")
        self._load_model = load_model
        self._right_context = right_context
        self._max_streams = max_streams
        self._recogniser: Recogniser | None = None
        self._tokenizer: Any = None
        self._geometry: Geometry | None = None
        self._streams: dict[int, NemotronStream] = {}
        # Each stream may have one fork. A slot may change hands while a step still uses it: the new owner's chore runs
        # in a later step.
        self._free = list(range(2 * max_streams))
        self._chores: list[Reset | Copy] = []
        self.tail_samples = tail_ms * SAMPLE_RATE // 1000
        self.partial_interval_s = partial_interval_s

    def load(self) -> None:
        """Load the model and run every bucket once. Raises VoiceAgentError with the remedy."""
        began = perf_counter()
        model = self._load_model()
        contexts = {right: left for left, right in model.encoder.att_context_size_all}
        geometry = Geometry(contexts.get(self._right_context, max(contexts.values())), self._right_context)
        rows = min(MOST_ROWS, self._max_streams)
        buckets = [2**power for power in range(rows.bit_length()) if 2**power < rows] + [rows]
        recogniser = Recogniser(model, geometry, 2 * self._max_streams, buckets)
        log.info("warming up the recogniser: steps of %s streams", ", ".join(map(str, buckets)))
        recogniser.warm_up()
        self._tokenizer, self._geometry, self._recogniser = model.tokenizer, geometry, recogniser
        log.info("the recogniser is ready after %.1f s", perf_counter() - began)

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> NemotronStream:
        """Start listening; none of its work is more urgent than `need`. Raises VoiceAgentError when every slot is
        taken."""
        if len(self._streams) >= self._max_streams:
            raise VoiceAgentError(f"All {self._max_streams} places of the recogniser are taken: end a session first.")
        assert self._geometry is not None, "load() first"
        number, slot = next(self._stream_ids), self._free.pop()
        self._chores.append(Reset(slot))
        self._streams[number] = NemotronStream(self, number, Track(slot, self._geometry), on_event, need)
        return self._streams[number]

    def pending(self, now: float) -> Batch | None:
        """Return the next chunks of all forks that have one, or else of all streams, the most urgent first.

        Forks do not wait for a larger step than their own, and a stream computes the same with and without them. Those
        in the background have steps of their own, when no other stream is due.
        """
        found = list(self._due(now))
        least = min((self._claim(entry, now) for entry in found), default=Need.PROMISED)
        found = [entry for entry in found if self._claim(entry, now) is least]
        forks = [entry for entry in found if entry[2] is not entry[1].track]
        due = sorted(forks or found, key=lambda entry: entry[0])[:MOST_ROWS]
        if not due:
            return None
        owners = tuple(stream for _, stream, _ in due)
        tracks = tuple(track for _, _, track in due)
        work = ChunkWork(tuple(self._chores), owners, tracks, np.stack([track.next_window() for track in tracks]))
        assert self._recogniser is not None
        size = next(bucket for bucket in self._recogniser.buckets if bucket >= len(tracks))
        numbers = tuple(dict.fromkeys(stream.number for stream in owners))
        need = max(owners[0].need, Need.AWAITED if forks or owners[0].fork is not None else Need.PROMISED)
        callers = sum(stream.need is Need.PROMISED for stream in self._streams.values())
        joiners = 0 if forks else max(0, callers - len(owners))
        return Batch(self.lane, ("asr.chunk", size), due[0][0], numbers, work, need, expected_joiners=joiners)

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return the most urgent streams of the batch, as many as fit."""
        assert self._recogniser is not None
        smaller = [size for size in reversed(self._recogniser.buckets) if size <= batch.cost_key[1]]
        rows = next((size for size in smaller if fits(("asr.chunk", size))), smaller[-1])
        work = _work_of(batch)
        if rows >= len(work.tracks):
            return batch
        less = replace(work, owners=work.owners[:rows], tracks=work.tracks[:rows], windows=work.windows[:rows])
        numbers = tuple(dict.fromkeys(stream.number for stream in less.owners))
        return replace(batch, cost_key=("asr.chunk", rows), streams=numbers, work=less)

    def run(self, batch: Batch) -> list[Heard]:
        """Do the chores, then compute the chunks. On the lane's thread."""
        work, recogniser = _work_of(batch), self._recogniser
        assert recogniser is not None
        for chore in work.chores:
            if isinstance(chore, Reset):
                recogniser.reset(chore.slot)
            else:
                recogniser.copy(chore.source, chore.slot)
        return recogniser.step([track.slot for track in work.tracks], work.windows)

    def deliver(self, batch: Batch, results: object) -> None:
        """Hand the tokens to their streams; reset a slot whose output is not finite."""
        assert isinstance(results, list)
        work = _work_of(batch)
        del self._chores[: len(work.chores)]
        for stream, track, heard in zip(work.owners, work.tracks, results, strict=True):
            if not self._is_current(stream, track):
                continue
            if not heard.finite:
                self.restart(stream)
                stream.tell_failure(VoiceAgentError(NOT_FINITE))
            elif track is stream.track:
                stream.advanced(track.advance(heard))
            else:
                stream.fork_advanced(track.advance(heard))

    def fail(self, batch: Batch, error: Exception) -> None:
        """Restart the streams of a failed step; the others are not affected."""
        work = _work_of(batch)
        failed = {track.slot for track in work.tracks}
        undone = [chore for chore in work.chores if chore.slot not in failed]
        self._chores[: len(work.chores)] = undone
        for stream in dict.fromkeys(work.owners):
            if stream.number in self._streams:
                self.restart(stream)
                stream.tell_failure(error)

    def close(self) -> None:
        """Free the model."""
        self._recogniser = self._tokenizer = None
        self._streams.clear()

    # For the streams:

    def restart(self, stream: NemotronStream) -> None:
        """Restart a stream; audio not yet transcribed is lost."""
        stream.track.restart()
        self._chores.append(Reset(stream.track.slot))

    def release(self, slot: int) -> None:
        """Take back a fork's slot."""
        self._free.append(slot)

    def close_stream(self, stream: NemotronStream) -> None:
        """Take back a stream's slots."""
        if self._streams.pop(stream.number, None) is not None:
            self._free.append(stream.track.slot)

    def text(self, tokens: list[Token]) -> str:
        """Return the text of some tokens."""
        return str(self._tokenizer.ids_to_text([token.id for token in tokens])).strip() if tokens else ""

    def words(self, tokens: list[Token]) -> tuple[Word, ...]:
        """Return the words of some tokens, with their times."""
        return words_of(tokens, lambda id_: str(self._tokenizer.ids_to_tokens([id_])[0]))

    def _due(self, now: float) -> Iterator[tuple[float, NemotronStream, Track]]:
        """Yield every chunk that could be computed, with its deadline. Starts the forks that can begin now."""
        for stream in self._streams.values():
            track, fork = stream.track, stream.fork
            if fork is not None and fork.track is None and not track.is_due_within(fork.end):
                slot = self._free.pop()
                self._chores.append(Copy(track.slot, slot))
                stream.branch(slot)
            if fork is not None and stream.forked is not None:
                yield fork.deadline, stream, stream.forked
            if track.due:
                if track.due_by is None:
                    track.due_by = now + track.geometry.chunk_samples / SAMPLE_RATE
                # A final transcript waits for all its whole chunks, but for nothing that comes after.
                waited_for = fork is not None and stream.forked is None
                yield min(track.due_by, fork.deadline) if fork and waited_for else track.due_by, stream, track

    def _claim(self, entry: tuple[float, NemotronStream, Track], now: float) -> Need:
        """Return how a stream's next chunk counts among those of others."""
        return max(claim(entry[1].need, entry[0], now)[0], Need.AWAITED)

    def _is_current(self, stream: NemotronStream, track: Track) -> bool:
        """Return whether a step's result still matters to its stream."""
        return stream.number in self._streams and track in (stream.track, stream.forked)


def _work_of(batch: Batch) -> ChunkWork:
    assert isinstance(batch.work, ChunkWork)
    return batch.work
