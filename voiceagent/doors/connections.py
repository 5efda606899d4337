"""The connections: who is connected, who may come in, and what the others may see of it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiortc import RTCIceServer

from voiceagent.config.settings import IceServer
from voiceagent.doors.errors import UnavailableError, UnknownSessionError
from voiceagent.doors.limits import Limits
from voiceagent.doors.webrtc.peer import Peer, Report
from voiceagent.doors.webrtc.sdp import check_offer
from voiceagent.session import messages
from voiceagent.session.coordinator import Session
from voiceagent.trace.metrics import Metrics
from voiceagent.trace.steps import StepLog

log = logging.getLogger(__name__)

LOADING_RETRY_S, OUT_OF_ORDER_RETRY_S = 2, 10
"""Models are soon loaded; a lane that is not well is so for longer, or for good."""


@dataclass(frozen=True, slots=True)
class Household:
    """What the server needs of the process it opens the door to."""

    open_session: Callable[[Callable[[messages.Payload], None]], Session]
    readiness: Callable[[], dict[str, bool]]
    """Engine name -> loaded and warm."""
    metrics: Metrics
    steps: StepLog
    models: dict[str, str]
    """What speaks, listens and thinks, by name, as the page shows it."""
    ice_servers: tuple[IceServer, ...] = ()
    max_sessions: int = 4
    capacity: Callable[[], int | None] = lambda: None
    """How many callers the machine can answer in time; None while that is not known."""
    late: Callable[[], bool] = lambda: False
    """Whether it hardly does so at the moment."""
    settling: Callable[[], bool] = lambda: False
    """Whether it has yet to be seen how those present fare."""
    troubles: Callable[[], dict[str, str]] = dict
    """Engine name -> why it is not well: it hangs, or fails step after step."""
    lost: Callable[[], list[str]] = list
    """What conversations do without at the moment: MCP servers."""


@dataclass(slots=True)
class Connections:
    """Admits callers and keeps the list of those connected."""

    household: Household
    peers: dict[str, Peer] = field(default_factory=dict)
    _arriving: int = 0
    _limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        house = self.household
        self._limits = Limits(house.max_sessions, house.capacity, house.late, house.settling)

    async def admit(self, sdp: object, kind: object) -> tuple[Peer, str]:
        """Answer an offer; return the peer and the answer's SDP.

        Raises UnavailableError, before any device work, when an engine is not ready or not well, or there is no room
        for one more; BadRequestError when the offer cannot be answered.
        """
        try:
            self._require_health()
            self._limits.require(self._present)
        except UnavailableError as refusal:
            self.household.metrics.refused_sessions.labels(refusal.code).inc()
            log.info("caller refused", extra={"reason": refusal.code, "callers": self._present})
            raise
        offer = check_offer(sdp, kind)
        ice = [RTCIceServer(list(s.urls), s.username, s.credential) for s in self.household.ice_servers]
        self._arriving += 1
        try:
            peer = Peer(self.household.open_session, ice, self.household.steps.since, self._count, self._forget)
            try:
                answer = await peer.answer(offer)
            except BaseException:
                await peer.close("refused")
                raise
        finally:
            self._arriving -= 1
        self.peers[peer.id] = peer
        self.household.metrics.sessions.set(len(self.peers))
        log.info("session begun", extra={"session": peer.session.id})
        return peer, answer

    def peer(self, peer_id: object) -> Peer:
        """Return a connected peer. Raises UnknownSessionError."""
        if not isinstance(peer_id, str) or peer_id not in self.peers:
            raise UnknownSessionError("unknown_session", "No such session: it has ended, or never was. Connect again.")
        return self.peers[peer_id]

    def sessions(self) -> list[dict[str, Any]]:
        """Describe the connected sessions."""
        return [peer.describe() for peer in self.peers.values()]

    def callers(self) -> dict[str, int | None]:
        """Say how many are connected, can be answered in time, and may come at most."""
        return self._limits.describe(len(self.peers))

    async def close(self) -> None:
        """Say good-bye to everybody."""
        await asyncio.gather(*(peer.close("restart") for peer in list(self.peers.values())))

    @property
    def _present(self) -> int:
        return len(self.peers) + self._arriving

    def _require_health(self) -> None:
        if troubles := self.household.troubles():
            raise UnavailableError("out_of_order", _told(troubles), OUT_OF_ORDER_RETRY_S)
        waiting = [engine for engine, ready in self.household.readiness().items() if not ready]
        if waiting:
            words = f"Still loading: {', '.join(waiting)}. Try again in a moment."
            raise UnavailableError("not_ready", words, LOADING_RETRY_S)

    def _forget(self, peer: Peer) -> None:
        if self.peers.pop(peer.id, None) is not None:
            self._limits.left(peer.age_s)
        self.household.metrics.sessions.set(len(self.peers))

    def _count(self, report: Report) -> None:
        metrics = self.household.metrics
        metrics.packets.labels("received").inc(report.received)
        metrics.packets.labels("lost").inc(report.lost)
        metrics.packets.labels("concealed").inc(report.concealed)
        metrics.underruns.inc(report.underruns)


def _told(troubles: dict[str, str]) -> str:
    return " ".join(f"The {engine} is out of order: {why}" for engine, why in troubles.items())
