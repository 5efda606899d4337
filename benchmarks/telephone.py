"""Two telephones: a caller as Twilio's Media Streams bring it, and one as Asterisk's AudioSocket does.

Each speaks in real time, silence included, at the telephone's rate, and plays what it is sent as the exchange does:
Twilio one message after the other, returning marks when it comes to them; Asterisk at once.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from uuid import uuid4

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from voiceagent.audio.files import resample
from voiceagent.audio.g711 import MU_LAW
from voiceagent.audio.pcm import Pcm, from_s16, level_db, to_s16

FRAME_S = 0.02
CORPUS_RATE = 16_000
QUIET_DB = -50.0
HANG_UP_S = 5.0
"""How long the other side has to end a call that was hung up."""
KINDS = {8_000: 0x10, 16_000: 0x12}


class Telephone:
    """What both have in common: a microphone that is always on, and an ear."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.played: list[Pcm] = []
        """What the caller has heard, frame by frame."""
        self.closed: tuple[int, str] | None = None
        """How the other side ended the call: a code and words."""
        self.on_frame: Callable[[Pcm], object] = lambda frame: None
        """Is told of each frame as it is heard."""
        self._samples = round(rate * FRAME_S)
        self._to_say: deque[Pcm] = deque()
        self._said = asyncio.Event()
        self._said.set()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Call."""
        await self.dial()
        self._tasks += [asyncio.create_task(task) for task in (self._microphone(), self._ear())]
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hang_up()

    async def say(self, pcm: Pcm) -> None:
        """Speak 16 kHz audio, and return when it has been said, or the call is over."""
        mine = resample(pcm, CORPUS_RATE, self.rate)
        padded = np.pad(mine, (0, -len(mine) % self._samples))
        self._to_say.extend(padded.reshape(-1, self._samples))
        if self.closed is None:
            self._said.clear()
            await self._said.wait()

    def heard(self) -> Pcm:
        """Return everything that was heard."""
        return np.concatenate(self.played) if self.played else np.zeros(0, np.float32)

    def is_spoken_to(self) -> bool:
        """Return whether the last frame that was heard is no silence."""
        return bool(self.played) and level_db(self.played[-1]) > QUIET_DB

    async def until(self, condition: Any, seconds: float = 30.0) -> None:
        """Wait until a condition holds, asked whenever something happens. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def dial(self) -> None:
        """Connect."""
        raise NotImplementedError

    async def hang_up(self) -> None:
        """Leave."""
        raise NotImplementedError

    async def send(self, frame: Pcm) -> None:
        """Send 20 ms."""
        raise NotImplementedError

    async def receive(self) -> None:
        """Take what comes, until the other side ends the call."""
        raise NotImplementedError

    def play(self, frame: Pcm) -> None:
        """The caller hears a frame."""
        self.played.append(frame)
        self.on_frame(frame)
        self._news.set()

    async def _microphone(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        with suppress(OSError, EOFError, ConnectionClosed):
            while self.closed is None:
                silence = np.zeros(self._samples, np.float32)
                await self.send(self._to_say.popleft() if self._to_say else silence)
                if not self._to_say:
                    self._said.set()
                due += FRAME_S
                await asyncio.sleep(due - loop.time())

    async def _ear(self) -> None:
        await self.receive()
        self.closed = self.closed or (0, "")
        self._said.set()
        self._news.set()


class TwilioPhone(Telephone):
    """A caller as Twilio brings it. `lag_s` is how much later than it comes Twilio plays the audio."""

    def __init__(self, url: str, parameters: dict[str, str] | None = None, lag_s: float = 0.0) -> None:
        super().__init__(8_000)
        self.sid = "MZ" + uuid4().hex
        self.cut_at_s: list[float] = []
        """How much had been played whenever it had to forget the rest."""
        self.marks: list[str] = []
        self._url = url
        self._parameters = parameters or {}
        self._lag_s = lag_s
        self._waiting: deque[Pcm | str] = deque()
        self._number = 0

    async def dial(self) -> None:
        """Connect and begin the stream, as Twilio does."""
        self._socket: ClientConnection = await connect(self._url.replace("http", "ws", 1) + "/telephony/twilio")
        self._tasks.append(asyncio.create_task(self._play()))
        await self.tell("connected", protocol="Call", version="1.0.0")
        await self.tell(
            "start",
            start={
                "streamSid": self.sid,
                "accountSid": "AC" + uuid4().hex,
                "callSid": "CA" + uuid4().hex,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self._parameters,
            },
        )

    async def tell(self, event: str, **more: Any) -> None:
        """Send a message."""
        self._number += 1
        message = {"event": event, "sequenceNumber": str(self._number), "streamSid": self.sid, **more}
        await self._socket.send(json.dumps(message))

    async def press(self, digit: str) -> None:
        """Press a key."""
        await self.tell("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def hang_up(self) -> None:
        """End the stream, as Twilio does when the caller hangs up."""
        with suppress(ConnectionClosed):
            await self.tell("stop", stop={"accountSid": "AC", "callSid": "CA"})
        await self._socket.close()

    async def send(self, frame: Pcm) -> None:
        """Send 20 ms of mu-law."""
        payload = base64.b64encode(MU_LAW.encode(frame)).decode()
        await self.tell("media", media={"track": "inbound", "chunk": "1", "timestamp": "0", "payload": payload})

    async def receive(self) -> None:
        """Take audio, marks and clears."""
        with suppress(ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                assert message["streamSid"] == self.sid
                match message["event"]:
                    case "media":
                        self._waiting.append(MU_LAW.decode(base64.b64decode(message["media"]["payload"])))
                    case "mark":
                        self._waiting.append(message["mark"]["name"])
                    case "clear":
                        self.cut_at_s.append(len(self.heard()) / self.rate)
                        unplayed = [item for item in self._waiting if isinstance(item, str)]
                        self._waiting.clear()
                        for name in unplayed:  # at once, though it was not played
                            await self.tell("mark", mark={"name": name})
                self._news.set()
        self.closed = self._socket.close_code or 0, self._socket.close_reason or ""

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        free_at = 0.0
        while self.closed is None:
            if not self._waiting:
                free_at = 0.0
                self._news.set()
                await asyncio.sleep(FRAME_S / 4)
                continue
            if not free_at:
                free_at = loop.time() + self._lag_s
            await asyncio.sleep(free_at - loop.time())
            if not self._waiting:  # cleared meanwhile
                continue
            item = self._waiting.popleft()
            if isinstance(item, str):
                self.marks.append(item)
                with suppress(ConnectionClosed):
                    await self.tell("mark", mark={"name": item})
            else:
                self.play(item)
                free_at += len(item) / self.rate


class AsteriskPhone(Telephone):
    """A caller as Asterisk brings it, at 8 kHz or, as newer ones can, at 16."""

    def __init__(self, port: int, rate: int = 8_000) -> None:
        super().__init__(rate)
        self.kinds: set[int] = set()
        self._port = port

    async def dial(self) -> None:
        """Connect and name the call."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.frame(0x01, uuid4().bytes)

    def frame(self, kind: int, payload: bytes) -> None:
        """Send a frame."""
        self._writer.write(bytes([kind]) + len(payload).to_bytes(2) + payload)

    async def press(self, digit: str) -> None:
        """Press a key."""
        self.frame(0x03, digit.encode())

    async def hang_up(self) -> None:
        """End the call, and wait until the other side has: the next one may need its place."""
        with suppress(OSError, TimeoutError):
            if self.closed is None:
                self.frame(0x00, b"")
                async with asyncio.timeout(HANG_UP_S):
                    await self._reader.read()
        self._writer.close()

    async def send(self, frame: Pcm) -> None:
        """Send 20 ms of 16-bit audio."""
        self.frame(KINDS[self.rate], to_s16(frame))

    async def receive(self) -> None:
        """Take audio until the call is ended."""
        with suppress(EOFError, OSError):
            while self.closed is None or self.closed[0]:
                header = await self._reader.readexactly(3)
                payload = await self._reader.readexactly(int.from_bytes(header[1:]))
                match header[0]:
                    case 0x00:
                        return
                    case 0xFF:
                        self.closed = 0xFF, payload.decode()
                    case kind:
                        self.kinds.add(kind)
                        self.play(from_s16(payload))
