"""One caller's WebRTC connection: audio in, audio out, and a data channel whose messages belong to its client.

It knows aiortc and a session; it does not know HTTP, nor what the session does, nor what the messages say.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import aiortc.rtcsctptransport

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.webrtc.audio_count import AudioCount, AudioCounter
from voiceagent.doors.webrtc.candidates import Trickled
from voiceagent.doors.webrtc.client import Client
from voiceagent.doors.webrtc.connection import CallerConnection
from voiceagent.doors.webrtc.data_channel import DataChannel
from voiceagent.doors.webrtc.gathering import IceConnection
from voiceagent.doors.webrtc.inbound import Inbound
from voiceagent.doors.webrtc.line import Line
from voiceagent.doors.webrtc.offer import Offer
from voiceagent.doors.webrtc.outbound import AgentTrack
from voiceagent.session.coordinator import Session
from voiceagent.session.named import log_fields
from voiceagent.session.reports import Report
from voiceagent.trace.about import about_each

log = logging.getLogger(__name__)

aiortc.rtcsctptransport.USERDATA_MAX_LENGTH = 1100
"""Smaller chunks than aiortc's 1,200 bytes: larger ones get lost behind many VPNs, and the channel stalls."""

GONE_S = 10.0
"""A caller of whom nothing comes for this long, neither packets nor messages nor ICE checks (which come every 2.5 to
6 s), has vanished. aiortc itself takes 30 s."""


@about_each(lambda peer: log_fields(peer.session))
class Peer:
    """A connected caller."""

    def __init__(
        self,
        name: str,
        open_session: Callable[[Callable[[Report], None]], Session],
        make_ice: Callable[[Callable[[], None]], IceConnection],
        open_client: Callable[["Peer"], Client],
        on_count: Callable[[AudioCount], None],
        on_closed: Callable[["Peer"], None],
    ) -> None:
        self.id = name
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._closed = False
        self._opened = False
        self._made_at = self._loop.time()
        self._line = Line()
        self._note_sign()
        self._channel = DataChannel(self._receive, lambda: self.hang_up("connection lost"))
        self._client = open_client(self)
        self.session = open_session(self._client.report)
        self.inbound = Inbound(self._hear, self._on_packet)
        self._counter = AudioCounter(self.inbound, self.session.playout, on_count)
        self._make_ice = make_ice
        self._connection = self._connect()
        self._newest = self._connection
        """Differs from the connection while another RTCPeerConnection of the caller is to replace it."""
        self._negotiating = asyncio.Lock()
        self._endings: set[asyncio.Task[None]] = set()
        self._timers = [self._loop.call_later(GONE_S, self._check_alive)]

    @property
    def age_s(self) -> float:
        """How long ago the caller connected."""
        return self._loop.time() - self._made_at

    @property
    def awaited_s(self) -> float | None:
        """For how long nothing has come from a caller who has not connected; None for one who has, or has gone."""
        return None if self._opened or self._closed else self._loop.time() - self._last_sign

    def send(self, message: str) -> None:
        """Send a message over the data channel; before it is open, messages wait for it."""
        self._channel.send(message)

    def hang_up(self, reason: str) -> None:
        """Start to close the connection."""
        if not self._closed:
            self._ending = self._loop.create_task(self.close(reason))

    async def answer(self, sdp: str, *, restart: bool = False) -> str:
        """Accept an offer, the first or a later one, and return the answer's SDP. Raises BadRequestError.

        A later one renegotiates, and restarts ICE if it has other credentials. If it comes from another
        RTCPeerConnection of the caller, or with `restart`, a new connection takes over once it is connected.
        """
        offer = Offer(sdp)
        async with self._negotiating:
            if self._newest.answered and (restart or not self._newest.continues_with(offer)):
                fresh = self._connect()
                try:
                    answer = await fresh.answer(offer)
                except BaseException:
                    await fresh.close()
                    raise
                superseded, self._newest = self._newest, fresh
                if superseded is not self._connection:
                    self._retire(superseded)
                return answer
            return await self._newest.answer(offer)

    def add_candidate(self, trickled: Trickled) -> None:
        """Take an ICE candidate found after the offer."""
        self._newest.add_candidate(trickled)

    async def close(self, reason: str) -> None:
        """End the session and the connection. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._counter.close()
        self._client.leave(reason)
        try:
            self.session.close()
        except Exception:  # an engine failed to close its stream: the place is free all the same
            log.exception("a session ended badly", extra={"session": self.session.id})
        self.inbound.close()
        for timer in self._timers:
            timer.cancel()
        self._on_closed(self)
        for connection in {self._connection, self._newest}:
            await connection.close()
        for ending in list(self._endings):
            await ending
        log.info("session ended", extra={"session": self.session.id, "reason": reason})

    def describe(self) -> dict[str, Any]:
        """Describe the connection for /api/sessions."""
        return {
            "connection": self._connection.state,
            "receive": asdict(self.inbound.stats),
        }

    def _hear(self, pcm: Pcm) -> None:
        self._client.user_audio(pcm)
        self.session.hear(pcm)

    def _pull(self) -> Pcm:
        frame = self._line.pull(self.session)
        self._client.agent_audio(frame)
        return frame

    def _receive(self, message: object) -> None:
        self._note_sign()
        self._client.receive(message)

    def _note_sign(self) -> None:
        """Record that the caller is there."""
        self._last_sign = self._loop.time()
        self._line.note_sign()

    def _on_packet(self) -> None:
        self._last_sign = self._loop.time()
        self._line.note_packet()

    def _connect(self) -> CallerConnection:
        track = AgentTrack(self._pull, self.session.playout.rate)
        return CallerConnection(
            lambda: self._make_ice(self._note_sign), track, self.inbound.attach, self._channel.attach, self._on_state
        )

    def _retire(self, connection: CallerConnection) -> None:
        """Close a connection that another has replaced."""
        connection.replaced = True
        connection.track.stop()
        task = self._loop.create_task(connection.close())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def _on_state(self, connection: CallerConnection) -> None:
        if connection.replaced or self._closed:
            return
        if connection.state == "connected":
            if connection is not self._connection:
                replaced, self._connection = self._connection, connection
                self._retire(replaced)
            if not self._opened:
                self._open()
        elif connection.state in ("failed", "closed"):
            if connection is not self._newest:
                return  # the caller has left it for another, which is being connected
            if connection is not self._connection and self._connection.state == "connected":
                self._newest = self._connection
                self._retire(connection)
            else:
                self.hang_up("connection lost")

    def _open(self) -> None:
        self._opened = True
        self._note_sign()
        self._client.connected()
        self.session.open()
        self._counter.start()

    def _check_alive(self) -> None:
        silent_s = self._loop.time() - self._last_sign
        if silent_s >= GONE_S:
            self.hang_up("connection lost")
        else:
            self._timers[0] = self._loop.call_later(max(0.5, GONE_S - silent_s), self._check_alive)
