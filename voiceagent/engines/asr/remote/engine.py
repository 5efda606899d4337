"""A recogniser in another voiceagent process: it hears every stream as it comes, and transcribes when asked.

Nothing that a caller says is lost with a connection: the turn's audio is kept here until the turn is over, and a new
connection is sent it again.
"""

from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import to_s16
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent
from voiceagent.engines.contract import Need
from voiceagent.engines.remote.engine import RemoteEngine
from voiceagent.engines.remote.protocol import Message, Payload, transcript_from
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.remote.stream import RemoteStream, Request

PARTIAL = -1
"""Tag of partial transcripts, which belong to no fork."""
PARTIAL_WITHIN_S = 0.1
"""A reader notices a word that appears much later; no caller waits for it in silence."""
EARLY_S = 0.1
"""How much sooner than the interval a partial may come: those of the other process come at intervals, too."""
BYTES_PER_S = 2 * SAMPLE_RATE
LINGER_BYTES = 2 * BYTES_PER_S
"""Audio kept while nobody speaks: speech is detected about 0.1 s late."""
MOST_BYTES = 120 * BYTES_PER_S
"""Audio kept of a turn, twice the longest speech that is not answered (turn.max_speech_s); the oldest is dropped."""


class TurnMemory:
    """What a recogniser must hear again to know the turn so far. On the link's thread."""

    def __init__(self, opening: Payload) -> None:
        self._opening = opening
        self._log: deque[Message] = deque()
        self._kept = 0
        """Bytes of audio in the log."""
        self._dropped = 0
        """Bytes of audio before it."""
        self._turn = 0
        self._begun = False
        self.later_s = 0.0
        """Seconds of the stream before the first sample that the present connection has heard."""

    def posted(self, message: Message) -> None:
        """Remember audio and what was said about it; forget the turn that is over."""
        if isinstance(message, bytes):
            self._log.append(message)
            self._kept += len(message)
            self._trim(MOST_BYTES if self._begun else LINGER_BYTES)
        elif message["type"] == "commit":
            self._turn += 1
            self._commit()
        else:
            self._begun = True
            self._log.append(message)

    def arrived(self, message: Payload) -> None:
        """Forget nothing: the turn goes on."""

    def lost(self, reason: str) -> None:
        """Do nothing: the next connection is sent it all."""

    def replay(self) -> Iterable[Message]:
        """Return the turn so far, audio in larger pieces."""
        self.later_s = self._dropped / BYTES_PER_S
        yield {**self._opening, "turn": self._turn}
        audio = b""
        for message in self._log:
            if isinstance(message, bytes):
                audio += message
                continue
            yield audio
            yield message
            audio = b""
        yield audio

    def _commit(self) -> None:
        forks = [index for index, message in enumerate(self._log) if _is_fork(message)]
        for _ in range(forks[-1] + 1 if forks else 0):
            self._drop()
        self._begun = any(not isinstance(message, bytes) for message in self._log)

    def _trim(self, most: int) -> None:
        while self._kept > most:
            self._drop()

    def _drop(self) -> None:
        message = self._log.popleft()
        if isinstance(message, bytes):
            self._kept -= len(message)
            self._dropped += len(message)


def _is_fork(message: Message) -> bool:
    return not isinstance(message, bytes) and message["type"] == "finalise"


class RemoteAsr(RemoteEngine):
    """The recogniser of the process that the settings name."""

    def __init__(self, settings: RemoteSettings, *, partials: bool = True, partial_interval_s: float = 0.0) -> None:
        super().__init__("asr", settings)
        self.partials = partials
        self.partial_interval_s = partial_interval_s
        """How soon a partial transcript may follow another."""

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> "RemoteAsrStream":
        """Start listening; none of its work is more urgent than `need`."""
        return RemoteAsrStream(self, next(self._stream_ids), on_event, need)

    def ends_part(self, event: Any) -> bool:
        """A transcript is the whole answer."""
        return True


class RemoteAsrStream(RemoteStream):
    """One session's audio. What comes after a fork waits here until the fork has been sent."""

    def __init__(self, engine: RemoteAsr, number: int, on_event: Callable[[AsrEvent], None], need: Need) -> None:
        self._asr = engine
        self._turn = 0
        self._shown_at = -inf
        self._fork: Payload | None = None
        """The fork that has not been sent."""
        self._after: list[Message] = []
        """What came after it."""
        self._memory = TurnMemory({"type": "open", "need": need.name.lower(), "partials": engine.partials})
        super().__init__(engine, number, on_event, need, self._memory)

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Take more audio (16 kHz mono float32)."""
        if len(pcm):
            self._add(to_s16(pcm))

    def begin_speech(self) -> None:
        """Report that speech was detected; partials may follow."""
        self._add({"type": "begin_speech"})

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe the turn up to now on a fork; an unfinished older one is dropped."""
        self._asr.drop(self)
        request = Request(self, fork, deadline, max(Need.AWAITED, self.need))
        message: Payload = {"type": "finalise", "fork": fork}
        request.unsent.append(message)
        with self._asr.sending:
            self._fork = message
        self._asr.submit(request)

    def commit(self) -> None:
        """End the turn; drop open work."""
        self._asr.drop(self)
        self._turn += 1
        self.post({"type": "commit"})

    def send(self, message: Payload) -> None:
        """Send the fork, and what came after it."""
        self._fork = None
        self.post(message)
        for later in self._after:
            self.post(later)
        self._after.clear()

    def told_to_drop(self, request: Request) -> None:
        """Send a fork that nobody waits for any more all the same: a commit counts from it."""
        if self._fork is not None and request.tag == self._fork["fork"]:
            self.send({**self._fork, "in_s": None})

    def _add(self, message: Message) -> None:
        with self._asr.sending:
            if self._fork is None:
                self.post(message)
            else:
                self._after.append(message)

    def take(self, event: Any) -> None:
        """Take a transcript, unless it is of a turn that is over, or of a fork that was dropped."""
        if not isinstance(event, tuple):
            super().take(event)
            return
        transcript, turn = event
        if transcript.fork is not None:
            if (request := self._asr.find(self, transcript.fork)) is not None:
                request.receive(transcript)
            return
        now = self._asr.clock()
        if turn != self._turn or now - self._shown_at < self._asr.partial_interval_s - EARLY_S:
            return
        self._shown_at = now
        if (shown := self._asr.find(self, PARTIAL)) is None:
            shown = Request(self, PARTIAL, now + PARTIAL_WITHIN_S, self.need)
            self._asr.submit(shown)
        shown.arrived.clear()
        shown.receive(transcript)

    def event_of(self, message: Payload, audio: bytes) -> Any:
        """Return a transcript and the number of its turn."""
        if message["type"] == "transcript":
            transcript = transcript_from(message, self._memory.later_s)
            return transcript, message["turn"]
        return super().event_of(message, audio)
