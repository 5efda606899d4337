"""The connections: who is connected, who is admitted, and what others may see of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from voiceagent.doors.errors import UnavailableError, UnknownSessionError
from voiceagent.doors.health import require_health
from voiceagent.doors.host import Host
from voiceagent.doors.limits import Limits
from voiceagent.session.coordinator import Session
from voiceagent.session.named import log_fields
from voiceagent.trace.about import about_from_now_on

log = logging.getLogger(__name__)


class Connection(Protocol):
    """One caller, through any door."""

    @property
    def id(self) -> str:
        """Its id, as the client knows it."""

    @property
    def session(self) -> Session:
        """The conversation."""

    def describe(self) -> dict[str, Any]:
        """Return what /api/sessions says of the connection, added to what it says of every session."""

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""


Joined = TypeVar("Joined", bound=Connection)


class Connections:
    """Admits callers and keeps the list of those connected."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._connected: dict[str, Connection] = {}
        self._arriving = 0
        self._limits = Limits(host.capacity)
        self.draining = False
        """Whether the server is to end: nobody is let in any more."""

    async def admit(self, connect: Callable[[], Awaitable[Joined]], address: str | None = None) -> Joined:
        """Admit one more caller, whom `connect` connects, from a client's address; one that ends is `left`.

        From then on log lines of the task that calls this are about that caller, and so are those of tasks that
        `connect` begins.

        Raises UnavailableError, before any device work, when an engine is not ready or not healthy, or there is no room
        for one more, of this address or at all; and what `connect` raises.
        """
        self.require_room(address)
        self._arriving += 1
        joined: list[Session] = []
        about_from_now_on(lambda: log_fields(joined[0]) if joined else {})
        try:
            connection = await connect()
        finally:
            self._arriving -= 1
        joined.append(connection.session)
        self._connected[connection.id] = connection
        self._limits.joined(connection.id, address)
        self._host.metrics.sessions.set(len(self._connected))
        log.info("session begun", extra={"session": connection.session.id})
        return connection

    def require_room(self, address: str | None = None) -> None:
        """Raise UnavailableError where `admit` would now, for doors that can refuse before they connect."""
        try:
            require_health(self._host, draining=self.draining)
            self._limits.require(self._present, address)
        except UnavailableError as refusal:
            self._host.metrics.refused_sessions.labels(refusal.code).inc()
            log.info("caller refused", extra={"reason": refusal.code, "callers": self._present})
            raise

    def find(self, connection_id: object) -> Connection:
        """Return a connection by its id. Raises UnknownSessionError."""
        if not isinstance(connection_id, str) or connection_id not in self._connected:
            raise UnknownSessionError("unknown_session", "No such session: it has ended, or never was. Connect again.")
        return self._connected[connection_id]

    def left(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if self._connected.pop(connection.id, None) is not None:
            self._limits.left(connection.id)
        self._host.metrics.sessions.set(len(self._connected))

    def sessions(self) -> list[dict[str, Any]]:
        """Describe the connected sessions; nothing of what was said."""
        return [_described(connection.session) | connection.describe() for connection in self._connected.values()]

    def callers(self) -> dict[str, int | None]:
        """Return how many are connected, can be answered in time, and may connect at most."""
        return self._limits.describe(len(self._connected))

    @property
    def connected(self) -> list[Connection]:
        """The connections."""
        return list(self._connected.values())

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(connection.close("restart") for connection in self.connected))

    @property
    def _present(self) -> int:
        return len(self._connected) + self._arriving


def _described(session: Session) -> dict[str, Any]:
    state = session.state
    return {
        "session": session.id,
        "turn": state.turn,
        "generation": state.generation,
        "floor": state.floor.value,
        "underruns": session.playout.underruns,
    }
