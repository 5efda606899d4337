"""Clients of the services for tests: what they are sent, message by message."""

import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np
from websockets.asyncio.client import connect

RATE = 16_000


def tone(seconds, level=0.3):
    wave = level * np.sin(2 * np.pi * 200 / RATE * np.arange(round(seconds * RATE)))
    return (wave * 32767).astype("<i2").tobytes()


def silence(seconds):
    return bytes(2 * round(seconds * RATE))


class Client:
    def __init__(self, socket):
        self._socket = socket
        self.audio = []

    async def send(self, message=None, **fields):
        await self._socket.send(message if message is not None else json.dumps(fields))

    async def next(self):
        """Return the next text message; what is binary before it is collected in `audio`."""
        async with asyncio.timeout(60):
            while isinstance(message := await self._socket.recv(), bytes):
                self.audio.append(message)
        return json.loads(message)

    async def until(self, kind):
        """Return the messages up to the first of a type."""
        got = [await self.next()]
        while got[-1]["type"] != kind:
            got.append(await self.next())
        return got

    async def closed(self):
        async with asyncio.timeout(60):
            await self._socket.wait_closed()
        return self._socket.close_code


@asynccontextmanager
async def client(house, path, **options):
    async with connect(house.url.replace("http", "ws") + path, max_size=None, **options) as socket:
        yield Client(socket)


async def none_lent(house):
    """Wait until every lent stream has been given back; the time-out only ends a test that would hang."""
    async with asyncio.timeout(30):
        while "voiceagent_speech_streams 0.0" not in (await house.http.get("/metrics")).text:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
