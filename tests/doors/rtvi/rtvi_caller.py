"""A client over a WebSocket, for tests: sends RTVI, and keeps what comes."""

import asyncio
import json
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

PATIENCE_S = 20


class RtviCaller:
    def __init__(self, socket):
        self.socket = socket
        self.messages = []
        self._came = asyncio.Event()

    async def send(self, type, data=None, id="1"):
        await self.socket.send(json.dumps({"label": "rtvi-ai", "type": type, "id": id, "data": data}))

    async def until(self, type, count=1):
        """Wait for the n-th message of a type; return its data."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := self.of(type)) < count:
                self._came.clear()
                await self._came.wait()
        return found[count - 1].get("data")

    def of(self, type):
        return [message for message in self.messages if message["type"] == type]

    async def read(self):
        async for text in self.socket:
            self.messages.append(json.loads(text))
            self._came.set()


@asynccontextmanager
async def rtvi_caller(house, query="", version="2.2.0"):
    """Connect, and say that one is ready; without a version, say nothing."""
    async with connect(f"{house.url.replace('http', 'ws')}/ws{query}") as socket:
        caller = RtviCaller(socket)
        reading = asyncio.create_task(caller.read())
        try:
            if version is not None:
                await caller.send("client-ready", {"version": version, "about": {"library": "test"}}, "ready")
                await caller.until("bot-ready")
            yield caller
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
