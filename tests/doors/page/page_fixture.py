"""A fake server for the page: real HTTP, a real peer connection, and a conversation that is only a script.

`FakeServer` serves the page on 127.0.0.1 and does what a test tells it: send these messages, refuse the next
call, fall silent, vanish. It knows nothing of the real server. `python tests/doors/page/page_fixture.py` plays
the script at its own pace to everybody who connects, to work on the page without any model.
"""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame
from page_script import CONVERSATION, Message, Script, work_between
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PAGE = Path(__file__).parents[3] / "voiceagent" / "doors" / "page" / "static"
# The strictest policy that the page must live with: nothing inline, nothing from elsewhere.
POLICY = {"Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'"}
CONFIG = {
    "ice_servers": [],
    "name": "Amber",
    "callers": {"now": 2, "capacity": 3, "most": 4},
    "models": {"asr": "Moonshine tiny", "llm": "SmolLM2 135M", "tts": "hibari"},
}
RATE = 48_000
FRAME = 960
WAIT_S = 20.0


class Voice(MediaStreamTrack):
    """The agent's sound: a syllable-like hum while `speaking`, else silence. 48 kHz mono s16 frames of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.speaking = False
        self._sent = 0
        self._start = time.monotonic()

    async def recv(self) -> AudioFrame:
        """One frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - time.monotonic()))
        at = (self._sent + np.arange(FRAME)) / RATE
        syllables = np.abs(np.sin(2 * np.pi * 1.7 * at)) * np.abs(np.sin(2 * np.pi * 0.31 * at + 1))
        wave = 0.3 * syllables * np.sin(2 * np.pi * 180 * at) * self.speaking
        frame = AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None, :], format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self._sent, RATE, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class FakeServer:
    """Serves the page from a thread of its own; every public method may be called from the test's thread."""

    def __init__(self, port: int = 0, script: Script | None = None) -> None:
        self.refusal: tuple[int, str, str, int | None] | None = None
        """What the next offers get instead of an answer: HTTP status, code, message, Retry-After in seconds."""
        self.token: str | None = None
        """What every call of the page must carry."""
        self.answers_pings = True
        self.past: list[Message] | None = None
        """What was said, for a page that goes on with a call; None: it is not known any more."""
        self.received: queue.Queue[Message] = queue.Queue()
        """What the page sent over the data channel, but pings."""
        self.offers: list[Message] = []
        self.restarts: queue.Queue[Message] = queue.Queue()
        """Later offers of calls, which are refused."""
        self.candidates: queue.Queue[Message] = queue.Queue()
        self._script = script
        self._peers: list[RTCPeerConnection] = []
        self._channel: RTCDataChannel | None = None
        self._voice = Voice()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        app = Starlette(
            routes=[
                Route("/", lambda _: FileResponse(PAGE / "index.html", headers=POLICY)),
                Route("/page/config", self._config),
                Route("/page/offer", self._offer, methods=["POST"]),
                Route("/page/offer", self._trickle, methods=["PATCH"]),
                Mount("/page", StaticFiles(directory=PAGE)),
            ]
        )
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="off"))
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = threading.Thread(target=self._run, name="fake-server")

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(WAIT_S)

    def send(self, *messages: Message) -> None:
        """Sends to the newest connection; waits until it is open."""
        self._await_channel()
        for message in messages:
            self._loop.call_soon_threadsafe(self._send, message)

    def expect(self, kind: str) -> Message:
        """The next message of this type from the page; what came before it is dropped."""
        while True:
            message = self.received.get(timeout=WAIT_S)
            if message["type"] == kind:
                return message

    def speak(self, speaking: bool) -> None:
        """Turns the agent's hum on or off."""
        self._voice.speaking = speaking

    def vanish(self) -> None:
        """Closes every connection without a word."""
        self._open.clear()
        asyncio.run_coroutine_threadsafe(self._close_peers(), self._loop).result(WAIT_S)

    def close_channel(self) -> None:
        """Closes the data channel alone: sound could go on, but nothing can be said any more."""
        channel = self._await_channel()
        self._loop.call_soon_threadsafe(channel.close)

    def _await_channel(self) -> RTCDataChannel:
        assert self._open.wait(WAIT_S), "no page has connected"
        assert self._channel
        return self._channel

    def _run(self) -> None:
        with self._runner as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._socket])
        await self._close_peers()

    async def _close_peers(self) -> None:
        peers, self._peers = self._peers, []
        for peer in peers:
            await peer.close()

    def _stranger(self, request: Request) -> Response | None:
        """Refuses a request that has no token, or another one."""
        given = request.headers.get("authorization")
        if self.token is None or given == f"Bearer {self.token}":
            return None
        code = "wrong_token" if given else "no_token"
        return JSONResponse({"error": {"code": code, "message": "Words for programs."}}, 401)

    async def _config(self, request: Request) -> Response:
        return self._stranger(request) or JSONResponse(CONFIG)

    async def _offer(self, request: Request) -> Response:
        offer = await request.json()
        if refusal := self._stranger(request):
            return refusal
        if self.refusal:
            status, code, message, retry_after = self.refusal
            headers = {"Retry-After": str(retry_after)} if retry_after else {}
            return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
        if offer["pc_id"] is not None:
            self.restarts.put(offer)
            return JSONResponse({"error": {"code": "unknown_session", "message": "No such session."}}, 404)
        self.offers.append(offer)
        peer = RTCPeerConnection()
        self._peers.append(peer)
        self._voice = Voice()
        peer.addTrack(self._voice)
        peer.on("datachannel", self._opened)
        await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await peer.setLocalDescription(await peer.createAnswer())
        answer = peer.localDescription
        return JSONResponse({"sdp": answer.sdp, "type": answer.type, "pc_id": f"pc-{len(self.offers)}"})

    async def _trickle(self, request: Request) -> Response:
        body = await request.json()
        assert self._stranger(request) is None
        assert body["pc_id"] == f"pc-{len(self.offers)}"
        for item in body["candidates"]:
            self.candidates.put(item)
            candidate = candidate_from_sdp(item["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = item["sdp_mid"], item["sdp_mline_index"]
            if self._peers:
                await self._peers[-1].addIceCandidate(candidate)
        return JSONResponse({"status": "success"})

    def _opened(self, channel: RTCDataChannel) -> None:
        assert channel.label == "voiceagent"
        self._channel = channel
        channel.on("message", self._receive)
        resumed = bool(self.offers[-1].get("resume")) and self.past is not None
        resume = {"token": "a-token", "within_s": 30}
        about = {"session": "a-session", "t": time.monotonic(), "agent": CONFIG["name"]}
        self._send({"type": "session", **about, "resume": resume, "resumed": resumed})
        if resumed:
            self._send({"type": "history", "items": self.past})
        self._open.set()
        if self._script is not None:
            for task in self._tasks:
                task.cancel()
            self._spawn(self._play(self._script))
            self._spawn(self._tell_lanes())

    def _receive(self, text: str) -> None:
        message = json.loads(text)
        if message["type"] != "ping":
            self.received.put(message)
        elif self.answers_pings:
            self._send({"type": "pong", "t": message["t"]})

    def _send(self, message: Message) -> None:
        if self._channel and self._channel.readyState == "open":
            self._channel.send(json.dumps(message))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, script: Script) -> None:
        for wait_s, message in script:
            await asyncio.sleep(wait_s)
            self._send(message)
            if message["type"] == "floor":
                self.speak(message["holder"] == "agent")

    async def _tell_lanes(self) -> None:
        sent = time.monotonic()
        while True:
            await asyncio.sleep(0.25)
            now = time.monotonic()
            self._send({"type": "lanes", "now": now, "steps": list(work_between(sent, now))})
            sent = now


if __name__ == "__main__":
    with FakeServer(8765, CONVERSATION) as demo:
        print(f"The page with a scripted conversation: {demo.url} (Ctrl-C ends it)")
        threading.Event().wait()
