"""One RTCPeerConnection to a caller: its negotiations, the first and the later ones.

A later offer with the same certificate renegotiates; with new ICE credentials it also restarts ICE. An offer with
another certificate is another RTCPeerConnection of the caller, and needs another one here.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aioice import Connection
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.rtp import RtpPacket

from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.doors.webrtc.candidates import Trickled, parse_candidate
from voiceagent.doors.webrtc.codecs import CodecName
from voiceagent.doors.webrtc.ice import RestartableIce
from voiceagent.doors.webrtc.offer import Codecs, Offer
from voiceagent.doors.webrtc.outbound import AgentTrack
from voiceagent.doors.webrtc.sdp import ask_for_fec

DELIVER_S = 0.5
"""How long the last messages may take to arrive: a good line takes a round trip, and as long as a browser puts off its
acknowledgement (0.2 s, RFC 9260)."""
DELIVER_LOOK_S = 0.01


class CallerConnection:
    """A connection that hears every audio section of the caller, and speaks in the first that the caller hears."""

    def __init__(
        self,
        make_ice: Callable[[], Connection],
        track: AgentTrack,
        on_receiver: Callable[[RTCRtpReceiver, Mapping[int, CodecName]], None],
        on_channel: Callable[[RTCDataChannel], None],
        on_state: Callable[["CallerConnection"], None],
    ) -> None:
        self.track = track
        self.replaced = False
        """Whether another connection of the caller has taken its place."""
        self._on_receiver = on_receiver
        self._ice = RestartableIce(make_ice)
        self._offer: Offer | None = None
        self._answering: Offer | None = None
        self._known: dict[str, Codecs] = {}  # sections taken up and their first codecs, in aiortc's order
        self._pc = RTCPeerConnection(RTCConfiguration([], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._pc.on("connectionstatechange", lambda: on_state(self))
        self._pc.on("datachannel", on_channel)
        self._pc.on("track", self._on_track)

    @property
    def state(self) -> str:
        """The connection's state: new, connecting, connected, failed or closed."""
        return self._pc.connectionState

    @property
    def answered(self) -> bool:
        """Whether an offer has been answered."""
        return self._offer is not None

    def continues_with(self, offer: Offer) -> bool:
        """Return whether an offer comes from the same RTCPeerConnection as the one before."""
        return self._offer is not None and self._offer.fingerprints == offer.fingerprints

    async def answer(self, offer: Offer) -> str:
        """Accept an offer, the first or a later one, and return the answer's SDP. Raises BadRequestError."""
        candidates = [parse_candidate(line) for line in offer.candidates]
        before, self._answering = self._offer, offer
        if before is None:
            offer.require_audio()
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(offer.reduced(self._known), "offer"))
            self._known |= {one.mid: one.codecs for one in offer.taken if one.mid not in self._known}
            if before is None:
                self._ice.install(self._pc)
                _route_by_name(self._pc)
            elif before.ufrag != offer.ufrag:
                await self._ice.restart(offer.ufrag, offer.password)
            self._speak_in_the_first(offer)
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except RequestError:
            raise
        except Exception as error:  # aiortc raises anything its parsers raise
            words = f"The offer cannot be answered: {error or type(error).__name__}."
            raise BadRequestError("bad_sdp", words) from error
        self._offer = offer
        for candidate in candidates:
            self._ice.add(candidate)
        return offer.answered(ask_for_fec(self._pc.localDescription.sdp))

    def add_candidate(self, trickled: Trickled) -> None:
        """Take a candidate; one of another ICE generation or of a section without a transport is of no use."""
        offer = self._offer
        if offer is None or not offer.is_of_transport(trickled.mid, trickled.index):
            return
        if trickled.candidate is not None and trickled.ufrag in (None, offer.ufrag):
            self._ice.add(trickled.candidate)

    async def close(self) -> None:
        """Close it, when what was sent last has arrived."""
        self.track.stop()
        await self._deliver()
        await self._pc.close()
        await self._ice.close()

    async def _deliver(self) -> None:
        """Wait for the data channel's last messages to be acknowledged: closing throws them away, good-bye first."""
        sctp, loop = self._pc.sctp, asyncio.get_running_loop()
        give_up = loop.time() + DELIVER_S
        while sctp is not None and sctp.state == "connected" and loop.time() < give_up:
            if not (sctp._data_channel_queue or sctp._outbound_queue or sctp._sent_queue):
                return
            await asyncio.sleep(DELIVER_LOOK_S)

    def _speak_in_the_first(self, offer: Offer) -> None:
        transceivers = {one.mid: one for one in self._pc.getTransceivers()}
        audio = [section for section in offer.taken if section.kind == "audio"]
        if not audio:
            return  # until the caller's next offer
        heard = next((one for one in audio if one.direction in ("sendrecv", "recvonly")), audio[0])
        self.track.use(next(iter(heard.codec_names.values())))
        for mid, transceiver in transceivers.items():
            speaks = mid == heard.mid
            if speaks != (transceiver.sender.track is self.track):
                transceiver.sender.replaceTrack(self.track if speaks else None)
            transceiver.direction = "sendrecv" if speaks else "recvonly"

    def _on_track(self, track: Any) -> None:
        for transceiver in self._pc.getTransceivers():
            if transceiver.receiver.track is track and self._answering is not None:
                section = next(one for one in self._answering.taken if one.mid == transceiver.mid)
                self._on_receiver(transceiver.receiver, section.codec_names)


def _route_by_name(pc: RTCPeerConnection) -> None:
    """Have aiortc give packets of an unknown sender to the section that they name, or to any that knows their codec.

    By itself it drops them where two sections share a codec and the offer does not list the senders.
    """
    router: Any = pc.getTransceivers()[0].receiver.transport._rtp_router
    known: Callable[[RtpPacket], Any] = router.route_rtp

    def route(packet: RtpPacket) -> Any:
        if (receiver := known(packet)) is not None:
            return receiver
        able = router.payload_type_table.get(packet.payload_type, set())
        named = router.mid_table.get(packet.extensions.mid)
        return named if named in able else next(iter(able), None)

    router.route_rtp = route
