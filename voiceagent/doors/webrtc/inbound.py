"""The caller's audio, from aiortc's receiver to the session, without aiortc's jitter buffer and decoder.

aiortc holds 80 ms of audio even on a clean network, and 280-320 ms for good after the first loss. Its receiver is
kept for what it does well (codec negotiation, RTCP reports); the object in which it would collect packets is replaced
by a tap that passes each one to `AudioReceiver` the moment it arrives.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.receive import AudioReceiver, ReceiveStats
from voiceagent.doors.webrtc.codecs import CodecName, make_decoder
from voiceagent.doors.webrtc.tap import tap

STOPPED_S = 0.1
"""A sender of whom nothing has come for this long has stopped, and another one may be heard."""


class Inbound:
    """Receives one caller's audio and passes it on, 16 kHz mono, as soon as it can be heard.

    Of several senders it listens to one, until that one stops: two in one decoder are noise.
    """

    def __init__(self, hear: Callable[[Pcm], None], on_packet: Callable[[], None]) -> None:
        self._hear = hear
        self._on_packet = on_packet
        self._receiver = AudioReceiver()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ssrc: int | None = None
        self._codec: CodecName = "OPUS"
        self._heard_s = 0.0

    @property
    def stats(self) -> ReceiveStats:
        """The caller's packet counts: received, lost, late, recovered."""
        return self._receiver.stats

    def attach(self, receiver: RTCRtpReceiver, codecs: Mapping[int, CodecName]) -> None:
        """Take the packets of an aiortc receiver from now on; `codecs` are those negotiated, by payload type."""
        tap(receiver, lambda packet: self._push(packet, codecs[packet.payload_type]))

    def close(self) -> None:
        """Stop listening."""
        if self._timer is not None:
            self._timer.cancel()
        self._hear = lambda pcm: None
        self._timer = None

    def _push(self, packet: RtpPacket, codec: CodecName) -> None:
        self._on_packet()
        now = self._loop.time()
        if packet.ssrc != self._ssrc:
            if self._ssrc is not None and now - self._heard_s < STOPPED_S:
                return
            self._receiver.reset()
        if codec != self._codec:
            self._receiver.reset(make_decoder(codec))
        self._ssrc, self._codec, self._heard_s = packet.ssrc, codec, now
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
