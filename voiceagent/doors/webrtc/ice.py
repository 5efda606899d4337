"""ICE that can be restarted under a living DTLS session: what aiortc does not have.

`RestartableIce` stands where aiortc keeps its one ICE connection. A restart makes another beside it, with a user name
and password of its own; packets go on over the old one until the new one is connected, and then take the new way. DTLS,
SCTP and RTP above notice nothing. A browser asks for it when its network changes (`restartIce()`).
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aioice import Candidate, Connection, ConnectionClosed
from aiortc import RTCPeerConnection

log = logging.getLogger(__name__)

MAX_CANDIDATES = 64
"""Candidates of a caller that are tried; a machine has a dozen, and nobody shall have us knock at a thousand doors."""


def _of_current(name: str) -> Any:
    """Make a property of the current connection one of `RestartableIce`."""
    return property(
        lambda self: getattr(self._current, name),
        lambda self, value: setattr(self._current, name, value),
    )


class RestartableIce:
    """One caller's ICE connection, and the one that is to replace it. aiortc takes it for an `aioice.Connection`."""

    ice_controlling = _of_current("ice_controlling")
    remote_is_lite = _of_current("remote_is_lite")
    remote_username = _of_current("remote_username")
    remote_password = _of_current("remote_password")

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make
        self._current = make()
        self._next: Connection | None = None
        self._switching: asyncio.Task[None] | None = None
        self._adding: set[asyncio.Task[None]] = set()
        self._added = 0

    def install(self, pc: RTCPeerConnection) -> None:
        """Become the ICE connection of `pc`, all of whose sections share one transport, before it gathers."""
        transports: set[Any] = {one.receiver.transport.transport for one in pc.getTransceivers()}
        (transport,) = transports
        self._current.ice_controlling = transport._connection.ice_controlling
        transport._connection = transport.iceGatherer._connection = self
        transport._recv, transport._send = self.recv, self.send

    async def restart(self, remote_username: str, remote_password: str) -> None:
        """Gather for a new connection to the caller's new address; it takes over as soon as it is connected."""
        await self._give_up_next()
        upcoming = self._make()
        upcoming.ice_controlling = self._current.ice_controlling
        upcoming.remote_username, upcoming.remote_password = remote_username, remote_password
        try:
            await upcoming.gather_candidates()
        except BaseException:
            await upcoming.close()
            raise
        self._next, self._added = upcoming, 0
        self._switching = asyncio.create_task(self._switch(upcoming))

    def add(self, candidate: Candidate) -> None:
        """Take a candidate of the caller; a name is looked up meanwhile (mDNS).

        Nobody is told which is the last: then aioice would give up callers whose candidates are all still to come.
        """
        if self._added == MAX_CANDIDATES:
            return
        self._added += 1
        task = asyncio.create_task(_add(self._newest, candidate))
        self._adding.add(task)
        task.add_done_callback(self._adding.discard)

    # What aiortc calls.

    @property
    def local_candidates(self) -> list[Candidate]:
        """This side's candidates, of the newest connection: they go into the answer."""
        return self._newest.local_candidates

    @property
    def local_username(self) -> str:
        """This side's user name fragment, likewise."""
        return self._newest.local_username

    @property
    def local_password(self) -> str:
        """This side's password, likewise."""
        return self._newest.local_password

    @property
    def remote_candidates(self) -> list[Candidate]:
        """The caller's candidates, likewise."""
        return self._newest.remote_candidates

    async def gather_candidates(self) -> None:
        """Find this side's candidates."""
        await self._current.gather_candidates()

    async def add_remote_candidate(self, candidate: Candidate | None) -> None:
        """Take a candidate; here they come by `add`."""
        await self._newest.add_remote_candidate(candidate)

    async def connect(self) -> None:
        """Connect. Raises ConnectionError."""
        try:
            await self._current.connect()
        except ConnectionError:
            if not await self._switched():
                raise

    async def close(self) -> None:
        """Close both connections."""
        await self._give_up_next()
        for task in self._adding:
            task.cancel()
        await self._current.close()

    async def get_event(self) -> object:
        """Return the end of the connection, unless another has taken its place."""
        while True:
            connection = self._current
            event = await connection.get_event()
            if connection is self._current and not await self._switched():
                return event or ConnectionClosed()

    async def recv(self) -> bytes:
        """Return the next datagram. Raises ConnectionError at the end of the connection."""
        while True:
            connection = self._current
            try:
                return await connection.recv()
            except ConnectionError:
                if connection is self._current and not await self._switched():
                    raise

    async def send(self, data: bytes) -> None:
        """Send a datagram; between two connections it is lost, as on any network."""
        with suppress(ConnectionError):
            await self._current.send(data)

    @property
    def _newest(self) -> Connection:
        return self._next or self._current

    async def _switch(self, upcoming: Connection) -> None:
        try:
            await upcoming.connect()
        except ConnectionError as error:
            log.info("an ICE restart failed: %s", error)
            self._next = None
            await upcoming.close()
            return
        replaced, self._current, self._next = self._current, upcoming, None
        await replaced.close()

    async def _switched(self) -> bool:
        """Wait for a restart under way; return whether it has replaced the connection."""
        before = self._current
        if self._switching is not None:
            await asyncio.wait([self._switching])
        return self._current is not before

    async def _give_up_next(self) -> None:
        if self._switching is not None:
            if self._next is not None:
                self._switching.cancel()
            await asyncio.wait([self._switching])
        if self._next is not None:
            await self._next.close()
            self._next = None


async def _add(connection: Connection, candidate: Candidate) -> None:
    try:
        await connection.add_remote_candidate(candidate)
    except OSError as error:  # no multicast here
        log.debug("an ICE candidate was ignored: %s", error)
