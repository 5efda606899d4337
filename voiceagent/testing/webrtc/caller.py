"""A caller: a WebRTC client that speaks, listens, and records what came and when.

It runs in another process than the server, takes packets as they arrive (aiortc's jitter buffer is bypassed, and the
time is the kernel's), and can lose outgoing packets in a pattern that is the same in every run:

    async with Caller("http://127.0.0.1:7860") as caller:
        await caller.until(lambda: caller.last("agent.end"), 10, "the greeting to end")
        said = await caller.say(pcm)
        answered = await caller.until(lambda: caller.heard.onset(said.end), 5, "an answer")
"""

import asyncio
import json
import random
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import RtpPacket, is_rtcp

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.webrtc.tap import tap
from voiceagent.testing.webrtc.arrival import ArrivalSocket
from voiceagent.testing.webrtc.line import CallerError, Line
from voiceagent.testing.webrtc.microphone import Microphone, Said

CONNECT_S = 30.0
PING_S = 1.0


class RefusedError(CallerError):
    """The server refused the call."""

    def __init__(self, answer: httpx2.Response) -> None:
        super().__init__(f"The server refused the call ({answer.status_code}): {answer.text[:200]}")
        self.status = answer.status_code
        try:
            body = answer.json()
            self.code = str(body.get("error", body)["code"])
        except (ValueError, KeyError, AttributeError, TypeError):  # no server of ours
            self.code = ""
        """Why, as in server_busy; "" where the answer is not in a form of ours."""
        self.retry_after_s = int(answer.headers["Retry-After"]) if "Retry-After" in answer.headers else None


class Caller(Line):
    """One call. Lose `loss` of the outgoing audio packets (0 to 1), and send `reorder` of them after the next one;
    `seed` decides which. `token` is what the server asks for, if it does; `resume` names the call that this one goes on
    with (docs/resuming.md), and `replica` the server among several that is asked first (docs/scale-out.md).
    """

    def __init__(
        self,
        url: str,
        *,
        loss: float = 0.0,
        reorder: float = 0.0,
        seed: int = 0,
        token: str | None = None,
        resume: Mapping[str, Any] | None = None,
        replica: str = "",
    ) -> None:
        super().__init__()
        self.pc_id = ""
        """The server's name for the connection."""
        self.sent = 0
        """Audio packets, the dropped ones included."""
        self.dropped = 0
        self.overtaken = 0
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"X-Session-Id": replica} if replica else {}
        self._resume = resume
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=CONNECT_S)
        self._loss = loss
        self._reorder = reorder
        self._late: bytes | None = None
        self._seed = seed
        self._utterances = 0
        self._fate = random.Random(seed)
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._microphone = Microphone()
        self._transceiver = self._pc.addTransceiver(self._microphone, direction="sendrecv")
        self._channel = self._pc.createDataChannel("voiceagent")
        self._channel.on("message", self._on_message)
        self._pings: asyncio.Task[None] | None = None
        self._sockets: list[ArrivalSocket] = []

    async def __aenter__(self) -> Self:
        try:
            await self._connect()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave()
        await self._close()

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._channel.readyState == "open"

    async def offer(self, sdp: str) -> str:
        """Return the server's answer to an offer. Raises RefusedError."""
        call = {"sdp": sdp, "type": "offer", "pc_id": None, "resume": self._resume}
        body = (await self.post("/page/offer", json=call)).json()
        self.pc_id = str(body["pc_id"])
        return str(body["sdp"])

    async def introduce(self) -> None:
        """Wait until the conversation can begin."""
        await self.until(lambda: self.last("session"), CONNECT_S, "the session")

    def ping(self) -> None:
        """Say that the caller is there."""
        self.send({"type": "ping", "t": self.now})

    def vanish(self) -> None:
        """Send neither sound nor pings from now on, and say nothing of it."""
        assert self._pings is not None
        self._pings.cancel()
        self._microphone.stop_sending()

    async def leave(self) -> None:
        """Say that the caller hangs up."""
        if self.is_open:
            self.send({"type": "hangup"})

    async def post(self, path: str, **body: Any) -> httpx2.Response:
        """Post to the server. Raises RefusedError, and CallerError where there is none."""
        try:
            answer = await self._http.post(path, **body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            why = str(error) or type(error).__name__
            where = self._http.base_url
            raise CallerError(f"There is no server at {where} ({why}): start it with `voiceagent serve`.") from error
        if answer.is_error:
            raise RefusedError(answer)
        return answer

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio; return when it was sent. The pattern of loss depends on how many utterances came before,
        not on when they came.
        """
        self._utterances += 1
        self._fate = random.Random(f"{self._seed} {self._utterances}")
        return await self._microphone.say(pcm)

    def send(self, payload: dict[str, Any]) -> None:
        """Send a message on the data channel."""
        self._channel.send(json.dumps(payload))

    async def description(self) -> dict[str, Any]:
        """Return the server's description of this call (an entry of /api/sessions)."""
        first = self.last("session")
        listed = (await self._http.get("/api/sessions")).json()["sessions"]
        mine = [entry for entry in listed if first is not None and entry["session"] == first.payload["session"]]
        if not mine:
            raise CallerError("The server does not list this call; has it ended?")
        entry: dict[str, Any] = mine[0]
        return entry

    async def _close(self) -> None:
        if self._pings is not None:
            self._pings.cancel()
        await self._pc.close()
        await self._http.aclose()

    async def _connect(self) -> None:
        tap(self._transceiver.receiver, self._on_packet)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        self._note_arrivals()
        sdp = await self.offer(self._pc.localDescription.sdp)
        if "useinbandfec=1" in sdp:
            self._microphone.protect(round(self._loss * 100))
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        self._lose(self._transceiver.sender.transport)
        self._pings = asyncio.create_task(self._ping())
        await self.until(lambda: self.heard.packets or None, CONNECT_S, "the connection")
        await self.introduce()

    def _note_arrivals(self) -> None:
        """Record arrival times on every socket that may receive sound."""
        gatherer = self._transceiver.receiver.transport.transport.iceGatherer
        for protocol in gatherer._connection._protocols:
            transport: Any = protocol.transport
            transport._sock = ArrivalSocket(transport._sock)
            self._sockets.append(transport._sock)

    def _lose(self, transport: Any) -> None:
        """Put the lossy network in front of a transport: RTP only, so that nothing but audio is touched."""
        send = transport._send_rtp

        async def lossy(data: bytes) -> None:
            if not is_rtcp(data):
                self.sent += 1
                if self._fate.random() < self._loss:
                    self.dropped += 1
                    return
                if self._late is None and self._reorder and self._fate.random() < self._reorder:
                    self.overtaken += 1
                    self._late = data
                    return
            await send(data)
            if not is_rtcp(data) and self._late is not None:
                late, self._late = self._late, None
                await send(late)

        transport._send_rtp = lossy

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            if self.is_open:
                self.ping()

    def _on_message(self, text: str) -> None:
        self.take_message(json.loads(text))

    def _on_packet(self, packet: RtpPacket) -> None:
        seen = (socket.arrival(packet.sequence_number) for socket in self._sockets)
        arrival = next((at for at in seen if at is not None), self.now)
        self.take_packet(packet.sequence_number, packet.timestamp, packet.payload, arrival)
