"""One caller's WebRTC connection: audio in, audio out, and a data channel whose messages belong to its client.

It knows aiortc and a session; it does not know HTTP, nor what the session does, nor what the messages say.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol
from uuid import uuid4

import aiortc.rtcsctptransport
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.webrtc.audio_count import AudioCount, count_of
from voiceagent.doors.webrtc.data_channel import DataChannel
from voiceagent.doors.webrtc.inbound import Inbound
from voiceagent.doors.webrtc.outbound import AgentTrack
from voiceagent.doors.webrtc.sdp import ask_for_fec
from voiceagent.session.coordinator import Session
from voiceagent.session.reports import Report

log = logging.getLogger(__name__)

aiortc.rtcsctptransport.USERDATA_MAX_LENGTH = 1100
"""Smaller chunks than aiortc's 1,200 bytes: larger ones get lost behind many VPNs, and the channel stalls."""

GONE_S = 10.0
"""A page pings every second; a caller who sends nothing for this long has vanished. aiortc itself takes 30 s."""
COUNT_S = 2.0
"""How often the audio is counted for the metrics."""


class Client(Protocol):
    """The user of the caller's data channel, which may also watch the audio."""

    def connected(self) -> None:
        """Audio can flow; comes once, just before the session opens."""

    def report(self, report: Report) -> None:
        """The session reports something; this may come before `connected`."""

    def receive(self, message: object) -> None:
        """A message came, text or bytes."""

    def user_audio(self, pcm: Pcm) -> None:
        """The session hears this audio."""

    def agent_audio(self, pcm: Pcm) -> None:
        """The caller is sent this audio."""

    def leave(self, reason: str) -> None:
        """The connection ends; messages can still be sent."""


class Peer:
    """A connected caller."""

    def __init__(
        self,
        open_session: Callable[[Callable[[Report], None]], Session],
        ice_servers: list[RTCIceServer],
        open_client: Callable[["Peer"], Client],
        on_count: Callable[[AudioCount], None],
        on_closed: Callable[["Peer"], None],
    ) -> None:
        self.id = uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._on_count = on_count
        self._on_closed = on_closed
        self._counted = AudioCount()
        self._closed = False
        self._opened = False
        self._made_at = self._last_sign = self._loop.time()
        self._channel = DataChannel(self._receive)
        self._client = open_client(self)
        self.session = open_session(self._client.report)
        self.inbound = Inbound(self._hear)
        self._track = AgentTrack(self._pull, self.session.playout.rate)
        self._timers = [self._loop.call_later(GONE_S, self._check_alive)]
        self._pc = RTCPeerConnection(RTCConfiguration(ice_servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("datachannel", self._channel.attach)
        self._pc.on("track", self._on_track)

    @property
    def age_s(self) -> float:
        """How long ago the caller connected."""
        return self._loop.time() - self._made_at

    def send(self, message: str) -> None:
        """Send a message over the data channel; before it is open, messages wait for it."""
        self._channel.send(message)

    def hang_up(self, reason: str) -> None:
        """Start to close the connection."""
        if not self._closed:
            self._ending = self._loop.create_task(self.close(reason))

    async def answer(self, offer: str) -> str:
        """Accept an offer and return the answer's SDP. Raises BadRequestError."""
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            for transceiver in self._pc.getTransceivers():
                if transceiver.kind == "audio":
                    transceiver.sender.replaceTrack(self._track)
                    transceiver.direction = "sendrecv"
                    break
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as error:  # aiortc raises anything its parsers raise
            raise BadRequestError(
                "bad_sdp", f"The offer cannot be answered: {error or type(error).__name__}."
            ) from error
        return ask_for_fec(self._pc.localDescription.sdp)

    async def add_candidate(self, line: object, mid: object, index: object) -> None:
        """Take a trickled ICE candidate; an empty one marks the end. Raises BadRequestError."""
        if not isinstance(line, str) or not line.removeprefix("candidate:").strip():
            return
        try:
            candidate = candidate_from_sdp(line.removeprefix("candidate:"))
            candidate.sdpMid = mid if isinstance(mid, str) else None
            candidate.sdpMLineIndex = index if isinstance(index, int) else None
            await self._pc.addIceCandidate(candidate)
        except Exception as error:  # as above
            raise BadRequestError("bad_candidate", f"Not an ICE candidate: {line[:80]!r}.") from error

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._count()
        self._client.leave(reason)
        try:
            self.session.close()
        except Exception:  # an engine failed to close its stream: the place is free all the same
            log.exception("a session ended badly", extra={"session": self.session.id})
        self.inbound.close()
        for timer in self._timers:
            timer.cancel()
        self._on_closed(self)
        self._track.stop()
        await self._pc.close()
        log.info("session ended", extra={"session": self.session.id, "reason": reason})

    def describe(self) -> dict[str, Any]:
        """Describe the session for /api/sessions; nothing of what was said."""
        state = self.session.state
        return {
            "session": self.session.id,
            "connection": self._pc.connectionState,
            "turn": state.turn,
            "generation": state.generation,
            "floor": state.floor.value,
            "underruns": self.session.playout.underruns,
            "receive": asdict(self.inbound.stats),
        }

    def _hear(self, pcm: Pcm) -> None:
        self._client.user_audio(pcm)
        self.session.hear(pcm)

    def _pull(self) -> Pcm:
        frame = self.session.pull()
        self._client.agent_audio(frame)
        return frame

    def _receive(self, message: object) -> None:
        self._last_sign = self._loop.time()
        self._client.receive(message)

    def _on_track(self, track: Any) -> None:
        if track.kind == "audio":
            for transceiver in self._pc.getTransceivers():
                if transceiver.receiver.track is track:
                    self.inbound.attach(transceiver.receiver)

    def _on_state(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and not self._opened:
            self._opened = True
            self._last_sign = self._loop.time()
            self._client.connected()
            self.session.open()
            self._timers.append(self._loop.call_later(COUNT_S, self._keep_count))
        elif state in ("failed", "closed"):
            self.hang_up("connection lost")

    def _keep_count(self) -> None:
        self._count()
        self._timers[-1] = self._loop.call_later(COUNT_S, self._keep_count)

    def _count(self) -> None:
        """Pass on the audio counts since the last time."""
        now = count_of(self.inbound.stats, self.session.playout.underruns)
        self._on_count(now.since(self._counted))
        self._counted = now

    def _check_alive(self) -> None:
        silent_s = self._loop.time() - self._last_sign
        if silent_s >= GONE_S and (self._channel.attached or not self._opened):
            self.hang_up("connection lost")
        else:
            self._timers[0] = self._loop.call_later(max(0.5, GONE_S - silent_s), self._check_alive)
