"""Answers WebRTC offers: each that is admitted becomes a peer."""

from collections.abc import Callable

from aiortc import RTCIceServer

from voiceagent.config.settings import IceServer
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import UnknownSessionError
from voiceagent.doors.host import Host
from voiceagent.doors.webrtc.audio_count import AudioCount
from voiceagent.doors.webrtc.peer import Client, Peer
from voiceagent.doors.webrtc.sdp import check_offer


class Offers:
    """Answers offers. `open_client` creates the client that uses a peer's data channel."""

    def __init__(
        self,
        host: Host,
        connections: Connections,
        ice_servers: tuple[IceServer, ...],
        open_client: Callable[[Peer], Client],
    ) -> None:
        self._host = host
        self._connections = connections
        self._ice_servers = ice_servers
        self._open_client = open_client

    async def answer(self, sdp: object, kind: object) -> tuple[Peer, str]:
        """Return the peer and the answer's SDP.

        Raises UnavailableError when the caller is not admitted, BadRequestError when the offer cannot be answered.
        """
        answer = ""

        async def connect() -> Peer:
            nonlocal answer
            offer = check_offer(sdp, kind)
            ice = [RTCIceServer(list(s.urls), s.username, s.credential) for s in self._ice_servers]
            peer = Peer(self._host.open_session, ice, self._open_client, self._count, self._connections.left)
            try:
                answer = await peer.answer(offer)
            except BaseException:
                await peer.close("refused")
                raise
            return peer

        return await self._connections.admit(connect), answer

    def peer(self, peer_id: object) -> Peer:
        """Return a connected peer. Raises UnknownSessionError."""
        peer = self._connections.find(peer_id)
        if not isinstance(peer, Peer):
            raise UnknownSessionError("unknown_session", "This session is not a WebRTC call.")
        return peer

    def _count(self, count: AudioCount) -> None:
        metrics = self._host.metrics
        metrics.packets.labels("received").inc(count.received)
        metrics.packets.labels("lost").inc(count.lost)
        metrics.packets.labels("concealed").inc(count.concealed)
        metrics.underruns.inc(count.underruns)
