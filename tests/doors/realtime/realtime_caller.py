"""A bare Realtime client for tests: sends events, keeps those that come, and waits for one of a kind."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import websockets

from voiceagent.audio.files import resample
from voiceagent.audio.pcm import to_s16
from voiceagent.testing.sound import silence, voice

PIECE_S = 0.02


class RealtimeCaller:
    def __init__(self, socket):
        self.events = []
        self.closed = None
        self._socket = socket
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._taken = 0

    async def send(self, kind, **fields):
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def send_raw(self, message):
        await self._socket.send(message)

    async def append(self, pcm):
        """Send audio that is heard at 16 kHz, as the protocol's own format, all at once."""
        audio = base64.b64encode(to_s16(resample(pcm, 16_000, 24_000))).decode()
        await self.send("input_audio_buffer.append", audio=audio)

    async def speak(self, seconds, then_silent_s=1.0):
        """Send a voice and silence at the pace of a microphone."""
        for sound in (voice(seconds), silence(then_silent_s)):
            samples = round(16_000 * PIECE_S)
            for start in range(0, len(sound), samples):
                await self.append(sound[start : start + samples])
                await asyncio.sleep(PIECE_S)

    async def until(self, kind):
        """Return the next event of a kind after those returned before."""
        async with asyncio.timeout(30):
            while True:
                for place in range(self._taken, len(self.events)):
                    if self.events[place]["type"] == kind:
                        self._taken = place + 1
                        return self.events[place]
                self._news.clear()
                await self._news.wait()

    def kinds(self, *leaving_out):
        """Return the kinds of the events so far, without those that are left out, and repeated ones once."""
        kinds = [event["type"] for event in self.events if event["type"] not in leaving_out]
        return [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]

    async def hang_up(self):
        await self._socket.close()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self):
        try:
            async for message in self._socket:
                self.events.append(json.loads(message))
                self._news.set()
        except websockets.ConnectionClosed:
            pass
        self.closed = (self._socket.close_code, self._socket.close_reason)


@asynccontextmanager
async def realtime_call(house, query="?model=gpt-realtime", **options):
    """Call a server's Realtime door; the session has been created."""
    address = house.url.replace("http", "ws") + "/v1/realtime" + query
    async with websockets.connect(address, max_size=None, **options) as socket:
        caller = RealtimeCaller(socket)
        try:
            await caller.until("session.created")
            yield caller
        finally:
            await caller.hang_up()


def clock() -> str:
    """Tell the time."""
    return "Ten past four."
