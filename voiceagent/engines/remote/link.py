"""Connections to another voiceagent process, on a thread with an event loop of its own.

A `Line` is one WebSocket: a stream of an engine, or the one that watches the process. It is opened again whenever it is
lost, and sent again what was not answered. All of it happens on the link's thread; only `Link.call` and `close` are
called from others. Knows no engine: what to send again is its `Memory`'s affair.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from voiceagent.engines.remote.protocol import VERSION, Message, Payload, ProtocolError
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

SOONEST_S, LATEST_S = 0.1, 2.0
"""The wait before a connection is tried again doubles from the first to the second: a process that restarts is found
within 2 s, and one that is gone is asked every 2 s."""
PING_S = 5.0
MOST_WAITING = 4 * 2**20
"""Bytes that wait to be sent: two minutes of a caller's audio. A connection that far behind is lost."""
LARGEST = 16 * 2**20
CLOSE_S = 2.0


class RefusedError(VoiceAgentError):
    """The process answers, and lends nothing now."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Memory(Protocol):
    """What a line sends again after it was lost."""

    def posted(self, message: Message) -> None:
        """Remember a message."""

    def arrived(self, message: Payload) -> None:
        """Forget what this answers."""

    def lost(self, reason: str) -> None:
        """The connection is gone."""

    def replay(self) -> Iterable[Message]:
        """Return what the new connection needs to know, the opening message first."""


class Nothing:
    """The memory of a line that only listens."""

    def posted(self, message: Message) -> None:
        """Remember nothing."""

    def arrived(self, message: Payload) -> None:
        """Forget nothing."""

    def lost(self, reason: str) -> None:
        """Do nothing."""

    def replay(self) -> Iterable[Message]:
        """Return nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine's streams are to be had, and how long an answer may take."""

    url: str
    """Of the process: http://host:port."""
    path: str
    token_env: str
    timeout_s: float

    def connect(self) -> connect:
        """Return a connection to be."""
        token = os.environ.get(self.token_env)
        return connect(
            "ws" + self.url.rstrip("/").removeprefix("http") + self.path,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            open_timeout=self.timeout_s,
            ping_interval=PING_S,
            ping_timeout=self.timeout_s,
            close_timeout=CLOSE_S,
            max_size=LARGEST,
            compression=None,  # audio does not get smaller
            proxy=None,
        )

    def is_wrong(self, error: BaseException) -> bool:
        """Return whether this can only be mended by somebody: there is no use in waiting."""
        return isinstance(error, InvalidStatus) and error.response.status_code in (401, 403, 404)

    def explained(self, error: BaseException) -> str:
        """Return what is wrong, and what to do, as the rest of a sentence about the process."""
        match error:
            case InvalidStatus() if error.response.status_code == 401:
                return f"refuses the token: put the right one into the environment variable {self.token_env}"
            case InvalidStatus() if error.response.status_code in (403, 404):
                return "lends no engines here: add `engines` to its setting doors, and this name to its server.hosts"
            case InvalidStatus():
                return f"answers with status {error.response.status_code}: check that url names a voiceagent process"
            case RefusedError():
                return f"lends nothing now: {error}"
            case TimeoutError():
                return f"does not answer within {self.timeout_s:g} s: check why, or raise timeout_s"
            case ConnectionClosed():
                return "has closed the connection: its log says why"
            case OSError():
                return f"cannot be reached ({error.strerror or error}): start it, or correct url"
            case _:
                return f"is not understood ({error}): use the same version of voiceagent there"


class Link:
    """The thread that an engine's connections live on."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name=f"link-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Have the thread call a function; it does nothing once the link is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def close(self) -> None:
        """End every connection, and the thread."""
        if self._thread.ident is not None:
            self.call(self._loop.stop)
            self._thread.join(CLOSE_S)
        elif not self._loop.is_closed():
            self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()


class Line:
    """One WebSocket that is kept open. `on_message` gets every message with its audio, `on_lost` why there is none."""

    def __init__(
        self,
        address: Address,
        memory: Memory,
        on_message: Callable[[Payload, bytes], None],
        on_lost: Callable[[str, BaseException], None] = lambda reason, error: None,
    ) -> None:
        self._address = address
        self._memory = memory
        self._on_message = on_message
        self._on_lost = on_lost
        self._outbox: asyncio.Queue[Message] | None = None
        self._waiting = 0
        self._socket: ClientConnection | None = None
        self._wait_s = SOONEST_S
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Connect, and stay connected."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def post(self, message: Message) -> None:
        """Send a message, now or with the next connection."""
        self._memory.posted(message)
        if self._outbox is not None:
            self._put(message)

    def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()

    async def _keep(self) -> None:
        while True:
            try:
                async with self._address.connect() as socket:
                    await self._talk(socket)
            except (OSError, TimeoutError, WebSocketException, RefusedError, ProtocolError) as error:
                reason = self._address.explained(error)
                self._outbox = None
                self._memory.lost(reason)
                self._on_lost(reason, error)
                log.debug("a connection to %s is lost: %s", self._address.url, reason)
                if isinstance(error, RefusedError):
                    self._wait_s = max(self._wait_s, min(error.retry_after_s, LATEST_S))
            await asyncio.sleep(self._wait_s)
            self._wait_s = min(LATEST_S, 2 * self._wait_s)

    async def _talk(self, socket: ClientConnection) -> None:
        """Send and receive until the connection is lost, which raises."""
        self._outbox, self._waiting = asyncio.Queue(), 0
        for message in self._memory.replay():
            self._put(message)
        sending = asyncio.create_task(self._send(socket, self._outbox))
        try:
            about: Payload | None = None
            async for data in socket:
                if isinstance(data, bytes):
                    if about is None:
                        raise ProtocolError("audio came that nothing was said about")
                    self._take(about, data)
                    about = None
                else:
                    message = _parsed(data)
                    if message["type"] == "audio":
                        about = message
                    else:
                        self._take(message, b"")
            raise ConnectionClosed(None, None)
        finally:
            sending.cancel()

    async def _send(self, socket: ClientConnection, outbox: asyncio.Queue[Message]) -> None:
        with suppress(ConnectionClosed):  # the receiving side reports it
            while True:
                message = await outbox.get()
                self._waiting -= _size(message)
                await socket.send(message if isinstance(message, bytes) else json.dumps(message))
                if self._waiting > MOST_WAITING:
                    await socket.close()

    def _put(self, message: Message) -> None:
        assert self._outbox is not None
        self._waiting += _size(message)
        self._outbox.put_nowait(message)

    def _take(self, message: Payload, audio: bytes) -> None:
        match message:
            case {"type": "refused"}:
                raise RefusedError(str(message.get("message")), float(message.get("retry_after_s") or LATEST_S))
            case {"type": "hello", "protocol": version} if version != VERSION:
                raise ProtocolError(f"it speaks version {version} of the protocol, this process {VERSION}")
        self._wait_s = SOONEST_S
        self._memory.arrived(message)
        try:
            self._on_message(message, audio)
        except (KeyError, TypeError, ValueError, VoiceAgentError) as error:
            raise ProtocolError(f"{message.get('type')}: {type(error).__name__} {error}") from error


def _parsed(text: str) -> Payload:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"it sends what is no JSON: {error}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("it sends messages without a type")
    return message


def _size(message: Message) -> int:
    return len(message) if isinstance(message, bytes) else 0
