"""Answers WebRTC offers: each that is admitted becomes a peer."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import UnavailableError, UnknownSessionError
from voiceagent.doors.host import Host
from voiceagent.doors.webrtc.audio_count import AudioCount
from voiceagent.doors.webrtc.candidates import read_candidates
from voiceagent.doors.webrtc.client import Client
from voiceagent.doors.webrtc.gathering import IceConnection
from voiceagent.doors.webrtc.ice_servers import IceServers
from voiceagent.doors.webrtc.local_network import LocalNetwork
from voiceagent.doors.webrtc.no_shows import NoShows
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.doors.webrtc.sdp import check_offer
from voiceagent.session.config import ConversationConfig
from voiceagent.session.snapshot import Snapshot


class Offers:
    """Answers the offers of every door's callers."""

    def __init__(self, host: Host, connections: Connections, settings: ServerSettings) -> None:
        self._host = host
        self._connections = connections
        self._replica = f"{settings.replica}." if settings.replica else ""
        self._servers = IceServers(settings)
        self._network = LocalNetwork(settings)
        self._no_shows = NoShows(settings.offers_per_address)

    async def answer(
        self,
        sdp: object,
        kind: object,
        open_client: Callable[[Peer], Client],
        config: ConversationConfig | None = None,
        peer_id: object = None,
        past: Snapshot | None = None,
        address: str | None = None,
    ) -> tuple[Peer, str]:
        """Return the peer and the answer's SDP.

        `open_client` creates the client that uses the peer's data channel; `config` is the session's own, or None for
        the host's, and `past` what it goes on with. With the id of a connected peer the offer renegotiates that one,
        and none of these is used. `address` is the client's, for what one address may have; None for one that is not
        told from others. Raises UnavailableError when the caller is not admitted, TooFastError for too many offers of
        one address, BadRequestError when the offer cannot be answered, UnknownSessionError for an id of nobody,
        VoiceAgentError for an unsupported configuration.
        """
        if peer_id is not None:
            return self.peer(peer_id), await self.renegotiate(peer_id, sdp, kind)
        answer = ""

        async def connect() -> Peer:
            nonlocal answer
            offer = check_offer(sdp, kind)
            peer = Peer(
                f"{self._replica}{uuid4().hex}",
                lambda report: self._host.open_session(report, config, past),
                self._make_ice,
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

        self._no_shows.begin(address)
        peer: Peer | None = None
        try:
            peer = await self._admit(connect, address)
        finally:
            self._no_shows.end(address, peer)
        return peer, answer

    async def _admit(self, connect: Callable[[], Awaitable[Peer]], address: str | None) -> Peer:
        """Admit a caller, if need be in the place of one who does not come."""
        try:
            return await self._connections.admit(connect, address)
        except UnavailableError:
            if not await self._no_shows.make_room():
                raise
        return await self._connections.admit(connect, address)

    def ice_servers_for_client(self, session: str | None = None) -> list[dict[str, Any]]:
        """Return the STUN and TURN servers for one client, as RTCIceServer dictionaries, for its door to pass on.

        TURN passwords are the client's own and expire; `session` is in their user name, for the TURN server's log.
        """
        return self._servers.for_client(session or uuid4().hex)

    async def renegotiate(self, peer_id: object, sdp: object, kind: object, *, restart: bool = False) -> str:
        """Answer a later offer of a connected peer, whose session goes on; return the answer's SDP.

        With other ICE credentials it restarts ICE. From another RTCPeerConnection (known by its certificate, or by
        `restart`), a new connection replaces the old one as soon as it is connected. Raises UnknownSessionError,
        BadRequestError; then the call goes on as it was.
        """
        return await self.peer(peer_id).answer(check_offer(sdp, kind), restart=restart)

    async def trickle(self, peer_id: object, candidates: object) -> None:
        """Take ICE candidates found after the offer, as browsers or Pipecat write them; null or "" is the last.

        Raises UnknownSessionError, BadRequestError.
        """
        peer = self.peer(peer_id)
        for trickled in list(read_candidates(candidates)):
            peer.add_candidate(trickled)

    def peer(self, peer_id: object) -> Peer:
        """Return a connected peer. Raises UnknownSessionError."""
        peer = self._connections.find(peer_id)
        if not isinstance(peer, Peer):
            raise UnknownSessionError("unknown_session", "This session is not a WebRTC call.")
        return peer

    def _make_ice(self, on_check: Callable[[], None]) -> IceConnection:
        return IceConnection(on_check, self._network, self._servers)

    def _count(self, count: AudioCount) -> None:
        metrics = self._host.metrics
        metrics.packets.labels("received").inc(count.received)
        metrics.packets.labels("lost").inc(count.lost)
        metrics.packets.labels("concealed").inc(count.concealed)
        metrics.underruns.inc(count.underruns)
