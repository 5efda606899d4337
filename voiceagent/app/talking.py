"""Talking at this machine: load the models, open its microphone and loudspeaker, show the conversation; with the
server's doors beside it, if they are asked for.
"""

import asyncio
import atexit
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import uvicorn

from voiceagent.app.asgi import spare_what_stays
from voiceagent.app.capacity.memory_plan import require_room
from voiceagent.app.serving import leave, listen, page_address
from voiceagent.app.specs import gpus_for
from voiceagent.app.tls import require_tls
from voiceagent.config.guard import require_guard
from voiceagent.doors.app import create_app
from voiceagent.doors.connections import Connections
from voiceagent.doors.uvicorn import server_config
from voiceagent.doors.watched import Watched
from voiceagent.engines.machine import Gpu
from voiceagent.local.devices import Devices, SystemDevices
from voiceagent.local.door import LocalDoor
from voiceagent.local.plain import Plain
from voiceagent.local.portaudio import Choice
from voiceagent.local.terminal import Terminal, is_terminal
from voiceagent.local.wake_word import WakeWord
from voiceagent.session.reports import Report
from voiceagent.trace.log import configure

if TYPE_CHECKING:
    from voiceagent.app.agent import Agent


@dataclass(frozen=True, slots=True)
class TalkOptions:
    """How to talk."""

    choice: Choice
    cancel_echo: bool = True
    push_to_talk: bool = False
    wake_word: WakeWord | None = None
    serve: bool = False
    """Open the server's doors, too."""


class Show(Protocol):
    """What shows the conversation."""

    def report(self, report: Report) -> None:
        """Take a report of the session."""

    async def show(self, door: LocalDoor) -> None:
        """Show it until it is to be left."""


def talk(agent: "Agent", options: TalkOptions) -> None:
    """Talk until the user leaves. Raises DeviceError where there is no microphone or loudspeaker, before anything is
    loaded, and what `serve` raises.
    """
    settings, log = agent.settings, agent.settings.trace
    configure("warning" if is_terminal() else log.log_level, log.log_format, log_text=log.log_text)
    devices = SystemDevices()
    devices.names(options.choice)
    if options.serve:
        require_guard(settings.server)
        require_tls(settings.server)
    gpus = gpus_for(settings)
    require_room(settings, gpus)
    listener = listen(settings.server.host, settings.server.port) if options.serve else None
    asyncio.run(talk_over(agent, options, devices, gpus, listener))


async def talk_over(
    agent: "Agent",
    options: TalkOptions,
    devices: Devices,
    gpus: tuple[Gpu, ...],
    listener: socket.socket | None,
) -> None:
    """Load the models, talk over these devices, serve at the listener; raises what `talk` raises."""
    connections, watched = Connections(agent), Watched()
    address = listener.getsockname()[:2] if listener is not None else None
    try:
        async with _serving(agent, connections, watched, listener) as serving:
            print("Loading the models...", flush=True)
            await agent.start(gpus)
            spare_what_stays()
            agent.require_engines("asr", "llm", "tts")
            title = f"voiceagent · {agent.models['llm']}"
            if address is not None:
                where = page_address(agent.settings.server, *address)
                title += f" · {where}"
                print(f"The page: {where}", flush=True)
            show = Terminal(title) if is_terminal() else Plain(_print)
            await converse(agent, connections, watched, options, devices, show, serving)
    finally:
        if agent.close():
            atexit.register(leave, 1)


async def converse(
    agent: "Agent",
    connections: Connections,
    watched: Watched,
    options: TalkOptions,
    devices: Devices,
    show: Show,
    serving: set[asyncio.Task[None]],
) -> None:
    """Talk until the user leaves or the server ends. Raises what `LocalDoor` raises."""

    def report(report: Report) -> None:
        show.report(report)
        watched.report(report)

    async def connect() -> LocalDoor:
        return LocalDoor(
            agent.open_session,
            report,
            devices,
            options.choice,
            cancel_echo=options.cancel_echo,
            push_to_talk=options.push_to_talk,
            wake_word=options.wake_word,
        )

    door = await connections.admit(connect)
    watched.session = door.session
    tasks = {asyncio.create_task(door.run()), asyncio.create_task(show.show(door))}
    try:
        done, _ = await asyncio.wait(tasks | serving, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await door.close("hangup")
        connections.left(door)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _serving(
    agent: "Agent", connections: Connections, watched: Watched, listener: socket.socket | None
) -> AsyncIterator[set[asyncio.Task[None]]]:
    """Serve the doors at the listener, if there is one; yield the tasks that do."""
    if listener is None:
        yield set()
        return
    app = create_app(agent, agent.settings, connections, watched)
    server = uvicorn.Server(server_config(app, agent.settings.server, lifespan="off"))
    async with app.router.lifespan_context(app):
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield {serving}
        finally:
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


def _print(line: str) -> None:
    print(line, flush=True)
