"""An engine whose model is in another voiceagent process: the contract kept over a WebSocket for each stream.

What is asked for becomes a `Request`. A step on the lane sends one, or hands out what has arrived, or waits for the
most urgent one; such a wait ends with whatever arrives and whatever is asked. The other process schedules the work
itself, by the deadlines it is sent. So steps cost this machine nothing, and their times are those of the answers.
"""

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Lock
from typing import Any

from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import HOLD, Batch, StreamFailed, order
from voiceagent.engines.names import name_of
from voiceagent.engines.remote.link import Address, Line, Link, Nothing
from voiceagent.engines.remote.protocol import PATHS, Payload, in_s
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.remote.stream import RemoteStream, Request
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

WAIT_S = 0.1
"""The longest a step waits: time-outs are noticed this late."""
TELL_S = 5.0
"""How often a start that waits says so."""
AWAITED_RANK, GUESS_RANK, APART_S = 1, 3, 1.0
"""While a request up to the first rank (of `order`) is unanswered, none from the second on is sent or handed out, and
none that is due so much later: the other process would serve it as it comes."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a step does about a request."""

    request: Request
    now: float
    poke: int
    wait: bool
    overdue: bool = False


class RemoteEngine(EngineBase, ABC):
    """Requests in the order of their urgency, and the thread that carries them."""

    def __init__(self, lane: str, settings: RemoteSettings) -> None:
        super().__init__(lane)
        self.title = f"The {name_of(lane)} at {settings.url}"
        self.address = Address(settings.url, PATHS[lane], settings.token_env, settings.timeout_s)
        self.link = Link(lane)
        self._start_s = settings.start_s
        self._streams: dict[int, RemoteStream] = {}
        self._requests: list[Request] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._now = 0.0
        self.sending = Lock()
        """Held while a request is sent, or ends: none is sent after its end."""
        self._news = Condition()
        self._arrived: deque[tuple[RemoteStream, Any]] = deque()
        self._poke = 0
        self._closed = False
        self._hello: Payload | None = None
        self._trouble: str | None = "is not connected yet"
        self._for_good = False
        self._watch = Line(self.address, Nothing(), self._on_watch, self._on_watch_lost)

    @property
    def trouble(self) -> str | None:
        """What keeps the other process from answering, with what to do; None while all is well."""
        return None if self._trouble is None else f"the process at {self.address.url} {self._trouble}."

    @property
    def known(self) -> Payload:
        """What the other process says of its model. Raises VoiceAgentError before it is loaded."""
        if self._hello is None:
            raise VoiceAgentError(f"{self.title} is not loaded yet: start the agent first.")
        return self._hello

    @property
    def languages(self) -> tuple[str, ...]:
        """What the other process hears or speaks, as ISO 639-1 codes; none before it is loaded."""
        return tuple((self._hello or {}).get("languages") or ())

    def bind(self, wake: Callable[[], None]) -> None:
        """Take the function to call whenever new work may be pending; it is called on the loop that runs now."""
        super().bind(wake)
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()

    def load(self) -> None:
        """Connect, and wait until the other process has loaded its model. Raises VoiceAgentError when it does not
        answer in time, or never will."""
        self.link.start()
        self.link.call(self._watch.open)
        begun, told = time.monotonic(), 0.0
        while self._trouble is not None or self._hello is None:
            waited = time.monotonic() - begun
            if self._for_good or waited >= self._start_s or self._closed:
                raise VoiceAgentError(f"{self.title}: {self.trouble}")
            if waited - told >= TELL_S:
                told = waited
                log.info("waiting for an engine elsewhere", extra={"engine": self.lane, "reason": self.trouble})
            with self._news:
                self._news.wait(WAIT_S)

    def close(self) -> None:
        """Drop all requests and end all connections."""
        self._closed = True
        for request in self._requests:
            request.over = True
        self._requests.clear()
        self._streams.clear()
        self.poke()
        self.link.close()

    # What streams ask for

    def opened(self, stream: RemoteStream) -> None:
        """Register a stream."""
        self._streams[stream.number] = stream

    def closed(self, stream: RemoteStream) -> None:
        """Drop a stream and its requests."""
        self._streams.pop(stream.number, None)
        self.drop(stream)

    def of(self, stream: RemoteStream) -> list[Request]:
        """Return the requests of a stream."""
        return [request for request in self._requests if request.stream is stream]

    def find(self, stream: RemoteStream, tag: int) -> Request | None:
        """Return the request of a stream with a tag."""
        return next((request for request in self.of(stream) if request.tag == tag), None)

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._requests.append(request)
        self.changed()

    def changed(self) -> None:
        """Look at the requests again."""
        self.poke()
        self.wake()

    def drop(self, stream: RemoteStream, tag: int | None = None) -> None:
        """Drop the requests of a stream, or the one with a tag: nothing more of them is handed out."""
        for request in self.of(stream):
            if tag in (None, request.tag):
                self._end(request)

    def clock(self) -> float:
        """Return the event loop's time, or that of the last question for work where there is none."""
        return self._now if self._loop is None else self._loop.time()

    # What the scheduler asks for

    def pending(self, now: float) -> Batch | None:
        """Return a step that sends a request or hands out what has arrived, the most urgent first; else one that waits
        for the most urgent request."""
        self._now = now
        self._drain()
        requests = sorted(
            (request for request in self._requests if request.deadline != HOLD),
            key=lambda request: (*order(request.need, request.deadline, now), request.place),
        )
        if not requests:
            return None
        late = time.monotonic() - self.address.timeout_s
        pressing: Request | None = None
        busy: Request | None = None
        for request in requests:
            if request.is_waiting and request.since is not None and request.since < late:
                return self._batch(Errand(request, now, self._poke, wait=False, overdue=True), "overdue")
            rank = order(request.need, request.deadline, now)[0]
            can_wait = pressing is not None and (
                rank >= GUESS_RANK or request.deadline > max(pressing.deadline, now) + APART_S
            )
            if busy is None and not request.is_waiting and not can_wait:
                busy = request
            if pressing is None and rank <= AWAITED_RANK:
                pressing = request
        if busy is not None:
            more = any(not request.is_waiting for request in requests if request is not busy)
            return self._batch(Errand(busy, now, self._poke, wait=not more and not busy.arrived), "send")
        return self._batch(Errand(requests[0], now, self._poke, wait=True), "wait")

    def run(self, batch: Batch) -> object:
        """Send what is to be sent, and wait for news if there is nothing else to do. On the lane's thread.

        Raises VoiceAgentError for a request that was not answered in time.
        """
        errand = batch.work
        assert isinstance(errand, Errand)
        request = errand.request
        if errand.overdue:
            silent = f"has sent nothing for {self.address.timeout_s:g} s: check why, or raise timeout_s"
            reason = self._trouble or silent
            raise VoiceAgentError(f"{self.title}: the process {reason}")
        with self.sending:
            while request.unsent and not request.over:
                request.since = time.monotonic()
                request.stream.send({**request.unsent.popleft(), "in_s": in_s(request.deadline, errand.now)})
        if errand.wait and not request.over:
            with self._news:
                self._news.wait_for(
                    lambda: self._arrived or self._poke != errand.poke or request.over or self._closed, WAIT_S
                )
        return None

    def deliver(self, batch: Batch, results: object) -> None:
        """Hand out what has arrived for the request."""
        errand = batch.work
        assert isinstance(errand, Errand)
        self._drain()
        request = errand.request
        while request.arrived and not request.over:
            event = request.arrived.popleft()
            if isinstance(event, StreamFailed) or self.ends_part(event):
                request.parts -= 1
            if request.parts <= 0 or isinstance(event, StreamFailed):
                self._requests.remove(request)
                request.over = True
            request.stream.on_event(event)

    def fail(self, batch: Batch, error: Exception) -> None:
        """Drop the request and notify its stream."""
        errand = batch.work
        assert isinstance(errand, Errand)
        request = errand.request
        if not request.over:
            self._end(request)
            request.stream.on_event(StreamFailed(request.tag, error))

    @abstractmethod
    def ends_part(self, event: Any) -> bool:
        """Return whether an answer is the last of a part of its request."""

    def greeted(self, hello: Payload, before: Payload | None) -> str | None:
        """Take what the other process says of its model; return what is wrong with it, if anything."""
        return None

    # News

    def arrive(self, stream: RemoteStream, event: Any) -> None:
        """Take news from the link's thread."""
        self._arrived.append((stream, event))
        self.poke(change=False)
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                self._loop.call_soon_threadsafe(self._wake)

    def poke(self, *, change: bool = True) -> None:
        """End the wait of a step. Safe on any thread."""
        with self._news:
            self._poke += change
            self._news.notify_all()

    def _drain(self) -> None:
        while self._arrived:
            stream, event = self._arrived.popleft()
            if stream.number in self._streams:
                stream.take(event)

    def _end(self, request: Request) -> None:
        with self.sending:
            request.over = True
            request.stream.told_to_drop(request)
        self._requests.remove(request)

    def _batch(self, errand: Errand, what: str) -> Batch:
        request = errand.request
        return Batch(
            self.lane,
            (f"{self.lane}.{what}", 1),
            request.deadline,
            (request.stream.number,),
            errand,
            request.need,
            request.generation,
            request.place,
        )

    def _on_watch(self, message: Payload, audio: bytes) -> None:
        match message:
            case {"type": "hello"}:
                self._trouble = self.greeted(message, self._hello)
                self._hello = self._hello or message
            case {"type": "health"}:
                self._trouble = f"is not well: {message['trouble']}" if message["trouble"] else None
        self._tell()

    def _on_watch_lost(self, reason: str, error: BaseException) -> None:
        self._trouble = reason
        self._for_good = self.address.is_wrong(error)
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()
