"""A WebRTC caller that is aiortc and nothing else: its own encoders, decoders and jitter buffer."""

import asyncio
from fractions import Fraction

import httpx
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from av import AudioFrame

RATE = 16_000
FRAME = RATE // 50


class Tone(MediaStreamTrack):
    """A tone, once it is switched on."""

    kind = "audio"

    def __init__(self, hz):
        super().__init__()
        self.hz = hz
        self.on = False
        self._sent = 0
        self._start = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - loop.time()))
        at = np.arange(self._sent, self._sent + FRAME) / RATE
        samples = np.round(9_000 * self.on * np.sin(2 * np.pi * self.hz * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class ForeignCaller:
    """Sends tones; `heard` is what it hears, in frames, at their own rate. Its offer lists its senders if `named`."""

    def __init__(self, url, tones=(440,), codecs=(), *, named=True, ice=(), policy=RTCIceTransportPolicy.ALL):
        self.url = url
        self.named = named
        self.pc = RTCPeerConnection(RTCConfiguration(list(ice), policy))
        self.pc.on("track", self._listen)
        self._listening = None
        self.heard = []
        self.rate = 0
        self.transceivers = [self.pc.addTransceiver(Tone(hz), direction="sendrecv") for hz in tones]
        if codecs:
            known = RTCRtpSender.getCapabilities("audio").codecs
            chosen = [one for name in codecs for one in known if one.mimeType.lower() == f"audio/{name}".lower()]
            for transceiver in self.transceivers:
                transceiver.setCodecPreferences(chosen)

    async def __aenter__(self):
        await self.pc.setLocalDescription(await self.pc.createOffer())
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as http:
            lines = self.pc.localDescription.sdp.splitlines(keepends=True)
            sdp = "".join(line for line in lines if self.named or not line.startswith("a=ssrc"))
            body = {"sdp": sdp, "type": "offer"}
            answer = await http.post("/page/offer", json=body)
        assert answer.status_code == 200, answer.text
        self.answer = answer.json()["sdp"]
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        return self

    async def __aexit__(self, *error):
        if self._listening is not None:
            self._listening.cancel()
        await self.pc.close()

    def sing(self):
        """Let the tones be heard."""
        for transceiver in self.transceivers:
            transceiver.sender.track.on = True

    def pair(self):
        """Return the pair of candidates that packets go between."""
        (pair,) = self._connection._nominated.values()
        return pair

    @property
    def _connection(self):
        return self.transceivers[0].receiver.transport.transport._connection

    def vanish(self):
        """Fall silent as a machine does that is switched off."""
        connection = self._connection
        for protocol in connection._protocols:
            protocol.transport.sendto = lambda *datagram: None

    def _listen(self, track):
        if self._listening is None:
            self._listening = asyncio.ensure_future(self._hear(track))

    async def _hear(self, track):
        while True:
            frame = await track.recv()
            self.rate = frame.sample_rate
            self.heard.append(frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0] / 32768)


def loudest_hz(pcm, rate):
    """Return the frequency that most of the sound is at, and its share of the energy."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    peak = int(np.argmax(spectrum))
    return peak * rate / len(pcm), spectrum[max(0, peak - 3) : peak + 4].sum() / spectrum.sum()
