"""A whole server on loopback, with scripted engines unless told otherwise, inside the test's event loop."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn

from voiceagent.app.agent import Agent
from voiceagent.app.household import household
from voiceagent.config import load
from voiceagent.server.http import create_app

MUTE = ("session.greeting=''", "session.idle_s=0")


@dataclass
class House:
    url: str
    agent: Agent
    http: httpx.AsyncClient

    async def sessions(self):
        return (await self.http.get("/api/sessions")).json()["sessions"]


@asynccontextmanager
async def open_house(*sets, engines=None, start=True):
    settings = load("scripted.yaml", [*MUTE, *sets]).settings
    agent = Agent(settings, engines)
    if start:
        await agent.start()
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(household(agent), settings.server), log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url) as http:
            while not server.started:
                await asyncio.sleep(0)
            yield House(url, agent, http)
    finally:
        server.should_exit = True
        await serving
        agent.close()


def until(condition, timeout_s=20.0):
    """Wait on the real clock until something is so; the time-out only ends a test that would hang."""

    async def wait():
        while not condition():
            await asyncio.sleep(0.01)

    return asyncio.wait_for(wait(), timeout_s)
