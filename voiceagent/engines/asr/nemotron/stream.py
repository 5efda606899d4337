"""One session's audio: a track that never stops listening, and the turn's final transcript on a fork of it.

The track keeps its context over all turns; a turn is only a range of its tokens. A final transcript is wanted while the
last words are still in the encoder's look-ahead: the fork gets silence to look ahead into, the track the real audio.
The track emits later the tokens that the fork emitted early: `Turn` recognises them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.asr.nemotron.track import Token, Track
from voiceagent.engines.asr.nemotron.words import confidence_of
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    from voiceagent.engines.asr.nemotron.engine import NemotronEngine

MOST_BEHIND_S = 60.0
"""A recogniser this late would answer what the user no longer remembers saying."""


@dataclass(slots=True, eq=False)
class Fork:
    """A requested final transcript."""

    number: int
    deadline: float
    end: int
    """Samples of the stream before its end."""
    track: Track | None = None
    """None until the stream's own track has processed all its whole chunks."""
    chunks_left: int = 0
    tokens: list[Token] = field(default_factory=list)
    """The turn's tokens: those of the stream's own track when the fork began, and the fork's own since."""


class Turn:
    """Which of a stream's tokens belong to the open turn."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self._begins_at = 0
        self._early: list[int] = []
        """The last turn's tokens, as its fork emitted them, that the track has not emitted yet."""
        self._early_until = 0

    def take(self, tokens: list[Token]) -> bool:
        """Add the track's new tokens except those of the last turn; return whether any were added."""
        before = len(self.tokens)
        for token in tokens:
            late = token.at < self._early_until and self._early[:1] == [token.id]
            if token.at < self._begins_at or late:
                del self._early[:1]
            else:
                self._early = []
                self.tokens.append(token)
        return len(self.tokens) > before

    def close(self, end: int, final: list[Token], final_end: int) -> None:
        """End the turn at a sample. `final` are all its tokens, as emitted by the fork that heard up to `final_end`."""
        heard = self.tokens
        self._begins_at, self._early_until = end, final_end
        self._early = [token.id for token in final]
        self.tokens = []
        self.take(heard)


class NemotronStream:
    """One session's audio."""

    def __init__(
        self,
        engine: "NemotronEngine",
        number: int,
        track: Track,
        on_event: Callable[[AsrEvent], None],
        need: Need = Need.PROMISED,
    ) -> None:
        self._engine = engine
        self.need = need
        self.number = number
        self.track = track
        self.fork: Fork | None = None
        self._on_event = on_event
        self._turn = Turn()
        self._cut: tuple[int, list[Token], int] | None = None
        """Where the turn would end if committed now: the end of its last fork, and that fork's tokens."""
        self._speaking = False
        self._shown_at = 0

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Take more audio."""
        self.track.push(pcm)
        if self.track.behind > MOST_BEHIND_S * SAMPLE_RATE and self.fork is None:
            self._engine.restart(self)
            self.tell_failure(
                VoiceAgentError(
                    f"Speech recognition is more than {MOST_BEHIND_S:.0f} s behind; speech since then is lost. "
                    "This machine is too slow for asr.engine nemotron with this many callers: use a GPU, a larger "
                    "asr.right_context, or fewer sessions."
                )
            )
        if self.track.due:
            self._engine.wake()

    def begin_speech(self) -> None:
        """Show partials from now on."""
        self._speaking = True

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe the turn up to now on a fork, in place of an older one; goes on listening."""
        self._drop_fork()
        self._speaking = False
        self.fork = Fork(fork, deadline, self.track.heard)
        self._cut = (self.track.heard, [], self.track.heard)
        self._engine.wake()

    def commit(self) -> None:
        """End the turn at the last fork."""
        self._drop_fork()
        if self._cut is not None:
            self._turn.close(*self._cut)
            self._cut = None

    def close(self) -> None:
        """End the stream and free its slots."""
        self._drop_fork()
        self._engine.close_stream(self)

    # For the engine:

    @property
    def forked(self) -> Track | None:
        """The fork's track, once it has begun."""
        return None if self.fork is None else self.fork.track

    def branch(self, slot: int) -> None:
        """Begin the requested fork, in a slot that will get this stream's state."""
        assert self.fork is not None
        assert self.fork.track is None
        self.fork.track = self.track.fork(slot, self.fork.end)
        self.fork.chunks_left = max(1, self.fork.track.chunks_to(self.fork.end + self._engine.tail_samples))
        self.fork.tokens = list(self._turn.tokens)

    def advanced(self, tokens: list[Token]) -> None:
        """Take more tokens from the track."""
        added = self._turn.take(tokens)
        interval = self._engine.partial_interval_s
        if not self._speaking or not added or interval is None:
            return
        if self.track.heard - self._shown_at >= interval * SAMPLE_RATE:
            self._shown_at = self.track.heard
            self._on_event(Transcript(self._engine.text(self._turn.tokens)))

    def fork_advanced(self, tokens: list[Token]) -> None:
        """Take more tokens from the fork."""
        assert self.fork is not None
        assert self.fork.track is not None
        self.fork.tokens += tokens
        self.fork.chunks_left -= 1
        if self.fork.chunks_left > 0:
            return
        fork, track = self.fork, self.fork.track
        heard_to = track.begins + track.chunks * track.geometry.chunk_samples
        self._cut = (fork.end, fork.tokens, heard_to)
        self._drop_fork()
        text, words = self._engine.text(fork.tokens), self._engine.words(fork.tokens)
        self._on_event(Transcript(text, fork.number, words, confidence_of(fork.tokens)))

    def tell_failure(self, error: Exception) -> None:
        """Report that the work under way is lost."""
        number = -1 if self.fork is None else self.fork.number
        self._drop_fork()
        self._on_event(StreamFailed(number, error))

    def _drop_fork(self) -> None:
        if self.forked is not None:
            self._engine.release(self.forked.slot)
        self.fork = None
