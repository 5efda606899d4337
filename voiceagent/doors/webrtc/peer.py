"""One caller's WebRTC connection: audio in, audio out, and the data channel of messages.

It knows aiortc and a session; it does not know HTTP, nor what the session does.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
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

from voiceagent.audio.pcm import SILENCE_DB, Pcm, level_db
from voiceagent.audio.receive import ReceiveStats
from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.page.channel import Channel, Requests
from voiceagent.doors.webrtc.inbound import Inbound
from voiceagent.doors.webrtc.outbound import AgentTrack
from voiceagent.doors.webrtc.sdp import ask_for_fec
from voiceagent.session import messages
from voiceagent.session.coordinator import Session
from voiceagent.trace.steps import StepRecord

log = logging.getLogger(__name__)

aiortc.rtcsctptransport.USERDATA_MAX_LENGTH = 1100
"""Smaller chunks than aiortc's 1,200 bytes: larger ones get lost behind many VPNs, and the channel stalls."""

GONE_S = 10.0
"""A page pings every second; a caller of whom nothing came for this long has vanished. aiortc itself takes 30 s."""
LEVEL_S = 0.1
"""How often the page is told how loud both sides are; lanes and network are shown every few times."""
CONCEALED_PACKET = 320
"""Samples of an ordinary packet at 16 kHz."""
LANES_EVERY = 3
NETWORK_EVERY = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What has happened to a caller's audio."""

    received: int = 0
    lost: int = 0
    concealed: int = 0
    """Packets, of those lost, that were replaced by something."""
    underruns: int = 0

    def since(self, earlier: "Report") -> "Report":
        """Return what is new."""
        return Report(
            self.received - earlier.received,
            self.lost - earlier.lost,
            self.concealed - earlier.concealed,
            self.underruns - earlier.underruns,
        )


class Peer:
    """A connected person."""

    def __init__(
        self,
        open_session: Callable[[Callable[[messages.Payload], None]], Session],
        ice_servers: list[RTCIceServer],
        steps_since: Callable[[float], list[StepRecord]],
        on_report: Callable[[Report], None],
        on_closed: Callable[["Peer"], None],
    ) -> None:
        self.id = uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._steps_since = steps_since
        self._on_report = on_report
        self._on_closed = on_closed
        self._reported = Report()
        self._closed = False
        self._opened = False
        self._made_at = self._last_sign = self._loop.time()
        self._levels = [SILENCE_DB, SILENCE_DB]
        self._ticks = 0
        self._lanes_shown = self._loop.time()
        requests = Requests(self._type, self._interrupt, lambda: self._leave("hangup"), self._sign_of_life)
        self._channel = Channel(requests)
        self.session = open_session(self._channel.send)
        self.inbound = Inbound(self._hear)
        self._track = AgentTrack(self._pull, self.session.playout.rate)
        self._timers = [self._loop.call_later(GONE_S, self._check_alive)]
        self._pc = RTCPeerConnection(RTCConfiguration(ice_servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._pc.on("connectionstatechange", self._on_state)
        self._pc.on("datachannel", self._channel.attach)
        self._pc.on("track", self._on_track)

    @property
    def age_s(self) -> float:
        """How long ago the person came."""
        return self._loop.time() - self._made_at

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
        except Exception as error:  # aiortc raises whatever its parsers raise
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
        self._report()
        self._channel.send(messages.bye(reason))
        try:
            self.session.close()
        except Exception:  # an engine that cannot let go: the place is free all the same
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
        self._levels[0] = max(self._levels[0], level_db(pcm))
        self.session.hear(pcm)

    def _pull(self) -> Pcm:
        frame = self.session.pull()
        self._levels[1] = max(self._levels[1], level_db(frame))
        return frame

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
            self._channel.send(messages.session(self.session.id, "voiceagent", self._loop.time()))
            self.session.open()
            self._timers.append(self._loop.call_later(LEVEL_S, self._show_levels))
        elif state in ("failed", "closed"):
            self._leave("connection lost")

    def _type(self, text: str) -> None:
        self.session.type(text)

    def _interrupt(self) -> None:
        self.session.stop_speaking()

    def _sign_of_life(self) -> None:
        self._last_sign = self._loop.time()

    def _show_levels(self) -> None:
        self._channel.send(messages.level(*self._levels))
        self._levels = [SILENCE_DB, SILENCE_DB]
        self._ticks += 1
        if self._ticks % LANES_EVERY == 0:
            steps = self._steps_since(self._lanes_shown)
            self._channel.send(messages.lanes(self._loop.time(), steps, self.session.streams))
            self._lanes_shown = self._loop.time()
        if self._ticks % NETWORK_EVERY == 0:
            stats = self.inbound.stats
            self._channel.send(messages.network(_lost_percent(stats), stats.lag_ms))
            self._report()
        self._timers[-1] = self._loop.call_later(LEVEL_S, self._show_levels)

    def _report(self) -> None:
        """Report what has happened to the audio since the last report."""
        stats = self.inbound.stats
        concealed = stats.fec_recovered + stats.concealed // CONCEALED_PACKET
        now = Report(stats.received, stats.lost, concealed, self.session.playout.underruns)
        self._on_report(now.since(self._reported))
        self._reported = now

    def _check_alive(self) -> None:
        silent_s = self._loop.time() - self._last_sign
        if silent_s >= GONE_S and (self._channel.attached or not self._opened):
            self._leave("connection lost")
        else:
            self._timers[0] = self._loop.call_later(max(0.5, GONE_S - silent_s), self._check_alive)

    def _leave(self, reason: str) -> None:
        if not self._closed:
            self._ending = self._loop.create_task(self.close(reason))


def _lost_percent(stats: ReceiveStats) -> float:
    sent = stats.received + stats.lost
    return 100 * stats.lost / sent if sent else 0.0
