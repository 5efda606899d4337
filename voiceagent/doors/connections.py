"""The connections: who is connected, who is admitted, and what others may see of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from voiceagent.doors.errors import UnavailableError, UnknownSessionError
from voiceagent.doors.host import Host
from voiceagent.doors.limits import Limits
from voiceagent.engines.names import name_of
from voiceagent.session.coordinator import Session

log = logging.getLogger(__name__)

LOADING_RETRY_S, OUT_OF_ORDER_RETRY_S = 2, 10
"""Models load soon; an unhealthy lane stays so for longer, or for good."""


class Connection(Protocol):
    """One caller, through any door."""

    @property
    def id(self) -> str:
        """Its id, as the client knows it."""

    @property
    def session(self) -> Session:
        """The conversation."""

    @property
    def age_s(self) -> float:
        """How long ago the caller connected."""

    def describe(self) -> dict[str, Any]:
        """Describe it for /api/sessions; nothing of what was said."""

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""


AnyConnection = TypeVar("AnyConnection", bound=Connection)


class Connections:
    """Admits callers and keeps the list of those connected."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._connected: dict[str, Connection] = {}
        self._arriving = 0
        self._limits = Limits(host.capacity)

    async def admit(self, connect: Callable[[], Awaitable[AnyConnection]]) -> AnyConnection:
        """Admit one more caller, whom `connect` connects; a connection that ends is `left`.

        Raises UnavailableError, before any device work, when an engine is not ready or not healthy, or there is no room
        for one more; and what `connect` raises.
        """
        self.require_room()
        self._arriving += 1
        try:
            connection = await connect()
        finally:
            self._arriving -= 1
        self._connected[connection.id] = connection
        self._host.metrics.sessions.set(len(self._connected))
        log.info("session begun", extra={"session": connection.session.id})
        return connection

    def require_room(self) -> None:
        """Raise UnavailableError where `admit` would now, for doors that can refuse before they connect."""
        try:
            self._require_health()
            self._limits.require(self._present)
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
            self._limits.left(connection.age_s)
        self._host.metrics.sessions.set(len(self._connected))

    def sessions(self) -> list[dict[str, Any]]:
        """Describe the connected sessions."""
        return [connection.describe() for connection in self._connected.values()]

    def callers(self) -> dict[str, int | None]:
        """Return how many are connected, can be answered in time, and may connect at most."""
        return self._limits.describe(len(self._connected))

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(connection.close("restart") for connection in list(self._connected.values())))

    @property
    def _present(self) -> int:
        return len(self._connected) + self._arriving

    def _require_health(self) -> None:
        if troubles := self._host.troubles():
            words = " ".join(f"The {name_of(engine)} is not working: {why}" for engine, why in troubles.items())
            raise UnavailableError("out_of_order", words, OUT_OF_ORDER_RETRY_S)
        waiting = [name_of(engine) for engine, ready in self._host.readiness().items() if not ready]
        if waiting:
            words = f"Still loading: {', '.join(waiting)}. Try again in a moment."
            raise UnavailableError("not_ready", words, LOADING_RETRY_S)
