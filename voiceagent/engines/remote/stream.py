"""A stream of an engine in another process, and what was asked for on it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.queue import places
from voiceagent.engines.remote.link import Line, Memory, RefusedError
from voiceagent.engines.remote.protocol import Message, Payload
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    from voiceagent.engines.remote.engine import RemoteEngine


@dataclass(slots=True, eq=False)
class Request:
    """What was asked for on a stream and is not answered yet."""

    stream: "RemoteStream"
    tag: int
    deadline: float
    need: Need
    generation: int | None = None
    parts: int = 1
    """Answers that are still to come to their end: segments of a generation."""
    unsent: deque[Payload] = field(default_factory=deque)
    arrived: deque[Any] = field(default_factory=deque)
    since: float | None = None
    """When it was sent, or last answered; of `time.monotonic`."""
    over: bool = False
    place: int = field(default_factory=places.__next__)

    @property
    def is_waiting(self) -> bool:
        """Whether it has been sent and nothing has come yet."""
        return not self.unsent and not self.arrived

    def receive(self, event: Any) -> None:
        """Take an answer, or a part of it."""
        self.arrived.append(event)
        self.since = time.monotonic()

    def resume(self) -> None:
        """Wait for it again, after a hold."""
        self.since = time.monotonic()


class RemoteStream:
    """One session's stream: its requests, and its line to the other process."""

    def __init__(
        self, engine: "RemoteEngine", number: int, on_event: Callable[[Any], None], need: Need, memory: Memory
    ) -> None:
        self._engine = engine
        self.number = number
        self.need = need
        self.on_event = on_event
        self._line = Line(engine.address, memory, self._on_message, self._on_lost)
        engine.opened(self)
        engine.link.call(self._line.open)

    def post(self, message: Message) -> None:
        """Send a message that has no answer of its own. Safe on any thread."""
        self._engine.link.call(self._line.post, message)

    def send(self, message: Payload) -> None:
        """Send a request. On the lane's thread, or the event loop."""
        self.post(message)

    def close(self) -> None:
        """End the stream. Safe to call twice."""
        self._engine.closed(self)
        self._engine.link.call(self._line.close)

    def take(self, event: Any) -> None:
        """Take what has arrived, on the event loop."""
        if isinstance(event, VoiceAgentError):
            for request in self._engine.of(self):
                request.receive(StreamFailed(request.tag, event))
        elif isinstance(event, StreamFailed) and (lost := self._engine.find(self, event.tag)) is not None:
            lost.receive(event)

    def told_to_drop(self, request: Request) -> None:
        """Tell the other process that a request is not wanted any more; `sending` is held."""

    def event_of(self, message: Payload, audio: bytes) -> Any:
        """Return what a message means, or None. On the link's thread."""
        if message["type"] == "failed":
            error = VoiceAgentError(f"{self._engine.title} failed: {message['message']}")
            return StreamFailed(message["tag"], error)
        return None

    def arrive(self, event: Any) -> None:
        """Hand an event to the event loop. On the link's thread."""
        self._engine.arrive(self, event)

    def _on_message(self, message: Payload, audio: bytes) -> None:
        if (event := self.event_of(message, audio)) is not None:
            self.arrive(event)

    def _on_lost(self, reason: str, error: BaseException) -> None:
        if isinstance(error, RefusedError):
            self.arrive(VoiceAgentError(f"{self._engine.title} {reason}"))
