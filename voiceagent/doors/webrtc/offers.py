"""Answers WebRTC offers: each that is admitted becomes a peer."""

from collections.abc import Callable

from aiortc import RTCIceServer

from voiceagent.config.settings import IceServer
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import BadRequestError, UnknownSessionError
from voiceagent.doors.host import Host
from voiceagent.doors.webrtc.audio_count import AudioCount
from voiceagent.doors.webrtc.peer import Client, Peer
from voiceagent.doors.webrtc.sdp import check_offer
from voiceagent.session.config import ConversationConfig

MAX_CANDIDATES = 64
"""ICE candidates accepted in one request; a machine has a dozen."""


class Offers:
    """Answers the offers of every door's callers."""

    def __init__(self, host: Host, connections: Connections, ice_servers: tuple[IceServer, ...]) -> None:
        self._host = host
        self._connections = connections
        self._ice_servers = ice_servers

    async def answer(
        self,
        sdp: object,
        kind: object,
        open_client: Callable[[Peer], Client],
        config: ConversationConfig | None = None,
    ) -> tuple[Peer, str]:
        """Return the peer and the answer's SDP.

        `open_client` creates the client that uses the peer's data channel; `config` is the session's own, or None for
        the host's. Raises UnavailableError when the caller is not admitted, BadRequestError when the offer cannot be
        answered, VoiceAgentError for an unsupported configuration.
        """
        answer = ""

        async def connect() -> Peer:
            nonlocal answer
            offer = check_offer(sdp, kind)
            ice = [RTCIceServer(list(s.urls), s.username, s.credential) for s in self._ice_servers]
            peer = Peer(
                lambda report: self._host.open_session(report, config),
                ice,
                open_client,
                self._count,
                self._connections.left,
            )
            try:
                answer = await peer.answer(offer)
            except BaseException:
                await peer.close("refused")
                raise
            return peer

        return await self._connections.admit(connect), answer

    async def trickle(self, peer_id: object, candidates: object) -> None:
        """Take ICE candidates found after the offer. Raises UnknownSessionError, BadRequestError."""
        peer = self.peer(peer_id)
        if not isinstance(candidates, list) or not all(isinstance(item, dict) for item in candidates):
            raise BadRequestError("bad_candidate", 'Send {"pc_id": "...", "candidates": [{"candidate": "..."}]}.')
        for item in candidates[:MAX_CANDIDATES]:
            await peer.add_candidate(item.get("candidate"), item.get("sdp_mid"), item.get("sdp_mline_index"))

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
