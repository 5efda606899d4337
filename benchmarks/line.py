"""A call from the caller's side: what was said and shown to them, when, and how to answer. Knows no transport.

Times are seconds on the event loop's clock.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.listener import Timeline
from benchmarks.microphone import Said
from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError

T = TypeVar("T")


class CallerError(VoiceAgentError):
    """The server refused, or something did not happen in time."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message, of the data channel (see `voiceagent.doors.page.messages`) or another door's, and when it came."""

    at: float
    payload: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.payload["type"])


class Conversation(ABC):
    """What is said and heard through any door. Its transport passes in what arrives, with `take_...`."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        """All messages, in order."""
        self.heard = Timeline()
        """All sound."""
        self._news = asyncio.Event()

    @abstractmethod
    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio; return when it was sent."""

    @property
    def now(self) -> float:
        """The time."""
        return asyncio.get_running_loop().time()

    async def until(self, condition: Callable[[], T | None], timeout_s: float, what: str) -> T:
        """Wait until `condition` returns something, checking it on every arrival. Raises CallerError."""
        try:
            async with asyncio.timeout(timeout_s):
                while (result := condition()) is None:
                    self._news.clear()
                    await self._news.wait()
                return result
        except TimeoutError:
            raise CallerError(f"Waited {timeout_s:g} s for {what}, in vain.") from None

    def since(self, mark: int, kind: str) -> list[Received]:
        """Return the messages of one type, from number `mark` on; `len(line.messages)` is the number to come."""
        return [message for message in self.messages[mark:] if message.kind == kind]

    def last(self, kind: str) -> Received | None:
        """Return the newest message of one type."""
        return next((message for message in reversed(self.messages) if message.kind == kind), None)

    def take_message(self, payload: dict[str, Any]) -> None:
        """A message has come."""
        self.messages.append(Received(self.now, payload))
        self._news.set()

    def take_packet(self, sequence_number: int, timestamp: int, payload: bytes, arrival: float) -> None:
        """An Opus packet has come, with its RTP header."""
        self.heard.push(sequence_number, timestamp, payload, arrival)
        self._news.set()

    def take_audio(self, pcm: Pcm) -> None:
        """16 kHz audio has come that the client plays as soon as it can."""
        self.heard.play(pcm, self.now)
        self._news.set()


class Line(Conversation):
    """A call whose caller also sends messages."""

    @abstractmethod
    def send(self, payload: dict[str, Any]) -> None:
        """Send a message."""
