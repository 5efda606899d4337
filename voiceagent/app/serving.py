"""Serving: load the models, open the doors, print where they are. The page is there from the first moment."""

import asyncio
import atexit
import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from voiceagent.app.asgi import spare_what_stays
from voiceagent.app.capacity.memory_plan import require_room
from voiceagent.app.draining import DrainingServer
from voiceagent.app.specs import gpus_for
from voiceagent.app.tls import require_tls
from voiceagent.config.guard import read_token, require_guard
from voiceagent.config.settings import ServerSettings
from voiceagent.doors.app import create_app
from voiceagent.doors.connections import Connections
from voiceagent.doors.uvicorn import server_config
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError
from voiceagent.trace.log import configure
from voiceagent.trace.startup import Startup

if TYPE_CHECKING:
    from voiceagent.app.agent import Agent


def serve(agent: "Agent") -> None:
    """Serve until Ctrl-C, or SIGTERM.

    Raises KeyboardInterrupt on Ctrl-C; VoiceAgentError for a server that others reach and that has no token, a
    certificate that cannot be used, a port in use, too little memory and missing models; what an engine's load raises.
    """
    startup = Startup()
    startup.end("Python, programs and settings")
    settings = agent.settings
    configure(settings.trace.log_level, settings.trace.log_format, log_text=settings.trace.log_text)
    require_guard(settings.server)
    require_tls(settings.server)
    gpus = gpus_for(settings)
    require_room(settings, gpus)
    with listen(settings.server.host, settings.server.port) as listener:
        startup.end("checks")
        if asyncio.run(_serve(agent, gpus, listener, startup)):
            raise KeyboardInterrupt  # asyncio does so only where SIGINT was not ignored when Python began


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything is loaded: a mistake shows at once, not after the models."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise VoiceAgentError(
            f"Cannot listen on {host}:{port} ({error.strerror}). Stop what is using it,"
            " or take another port: --set server.port=7861 (0 takes any free one)."
        ) from error
    return listener


def page_address(server: ServerSettings, host: str, port: int) -> str:
    """Return where somebody at this machine opens the page of a server that listens at `host`.

    The token is included at a terminal alone: what is printed elsewhere ends in a file or a log.
    """
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else f"[{host}]" if ":" in host else host
    token = read_token(server) if sys.stdout.isatty() else None
    return f"{'https' if server.tls_cert else 'http'}://{shown}:{port}{f'/?token={token}' if token else ''}"


def invitation(agent: "Agent") -> str:
    """Return what there is to do at the server's address: without the page, or a model it needs, nobody talks there."""
    talks = "page" in agent.settings.doors and {"asr", "llm", "tts"} <= agent.models.keys()
    return "Talk to the agent" if talks else f"Serving {', '.join(agent.models)}"


async def _serve(agent: "Agent", gpus: tuple[Gpu, ...], listener: socket.socket, startup: Startup) -> bool:
    """Return whether Ctrl-C ended it."""
    connections = Connections(agent)
    app = create_app(agent, agent.settings, connections)
    config = server_config(app, agent.settings.server, lifespan="off")
    server = DrainingServer(config, connections, agent.settings.server.drain_s)
    try:
        async with app.router.lifespan_context(app):  # not uvicorn's, which tells what a door raises as a traceback
            await _load_and_serve(agent, gpus, server, listener, startup)
    finally:
        if agent.close():
            atexit.register(leave, 128 + signal.SIGINT if server.interrupted else 0 if server.draining else 1)
    return server.interrupted


async def _load_and_serve(
    agent: "Agent", gpus: tuple[Gpu, ...], server: DrainingServer, listener: socket.socket, startup: Startup
) -> None:
    host, port = listener.getsockname()[:2]
    loading = asyncio.create_task(agent.start(gpus))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait({loading, serving}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            spare_what_stays()
            startup.end("models")
        if loading.done() and not (server.draining or serving.done()):
            where = page_address(agent.settings.server, host, port)
            print(f"Ready. {invitation(agent)} at {where} (stop with Ctrl-C).", flush=True)
            print(startup.told(agent.loaded_s), flush=True)
        await serving
    finally:
        server.should_exit = True
        loading.cancel()
        await asyncio.gather(serving, loading, return_exceptions=True)


def leave(status: int) -> None:
    """End the process at once with exit status `status`: native code that still runs would crash a usual shutdown."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
