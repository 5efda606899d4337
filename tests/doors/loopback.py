"""A whole server on loopback, with scripted engines unless told otherwise, inside the test's event loop."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

import httpx
import uvicorn

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.doors.app import create_app
from voiceagent.doors.connections import Connections
from voiceagent.doors.uvicorn import server_config

MUTE = ("session.greeting=''", "session.idle_s=0")


def handed_in(engines):
    """Return engines as an agent takes them."""
    if engines is None:
        return {}
    return {field.name: getattr(engines, field.name) or "silence" for field in fields(engines)}


@dataclass
class House:
    url: str
    agent: Agent
    http: httpx.AsyncClient
    connections: Connections

    async def sessions(self):
        return (await self.http.get("/api/sessions")).json()["sessions"]

    async def empty(self):
        """Wait until nobody is connected; the time-out only ends a test that would hang."""
        async with asyncio.timeout(90):
            while await self.sessions():  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_server(*sets, engines=None, start=True, config="scripted.yaml"):
    settings = load_settings(config, [*MUTE, *sets]).settings
    agent = Agent(settings, **handed_in(engines))
    if start:
        await agent.start()
    listener = socket.create_server(("127.0.0.1", 0))
    connections = Connections(agent)
    server = uvicorn.Server(server_config(create_app(agent, settings, connections), settings.server))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
                await asyncio.sleep(0)
            yield House(url, agent, http, connections)
    finally:
        server.should_exit = True
        await serving
        agent.close()
