"""The caller's audio, from aiortc's receiver to the session, without aiortc's jitter buffer and decoder.

aiortc holds 80 ms of audio even on a clean network, and 280-320 ms for good after the first loss. Its receiver is
kept for what it does well (codec negotiation, RTCP reports); the object in which it would collect packets is replaced
by a tap that passes each one to `AudioReceiver` the moment it arrives.
"""

import asyncio
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.receive import AudioReceiver, ReceiveStats

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"


class Inbound:
    """Receives one caller's audio and passes it on, 16 kHz mono, as soon as it can be heard."""

    def __init__(self, hear: Callable[[Pcm], None], on_packet: Callable[[], None]) -> None:
        self._hear = hear
        self._on_packet = on_packet
        self._receiver = AudioReceiver()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ssrc: int | None = None

    @property
    def stats(self) -> ReceiveStats:
        """The caller's packet counts: received, lost, late, recovered."""
        return self._receiver.stats

    def attach(self, receiver: RTCRtpReceiver) -> None:
        """Take the packets of an aiortc receiver from now on."""
        if not hasattr(receiver, _JITTER_BUFFER):
            raise RuntimeError("this aiortc keeps its jitter buffer elsewhere; voiceagent needs aiortc 1.16")
        setattr(receiver, _JITTER_BUFFER, _Tap(self._push))

    def close(self) -> None:
        """Stop listening."""
        if self._timer is not None:
            self._timer.cancel()
        self._hear = lambda pcm: None
        self._timer = None

    def _push(self, packet: RtpPacket) -> None:
        self._on_packet()
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._receiver.reset()
        now = self._loop.time()
        self._receiver.push_packet(packet.sequence_number, packet.timestamp, packet.payload, now)
        self._poll()

    def _poll(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for pcm in self._receiver.poll(self._loop.time()):
            self._hear(pcm)
        if (due := self._receiver.next_poll_s) is not None:
            self._timer = self._loop.call_at(due, self._poll)


class _Tap:
    """Replaces aiortc's jitter buffer, and keeps nothing."""

    def __init__(self, push: Callable[[RtpPacket], None]) -> None:
        self._push = push

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Pass the packet on; report neither a lost picture nor a whole frame."""
        self._push(packet)
        return False, None
