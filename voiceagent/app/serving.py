"""Serving: load the models, open the doors, print where they are. The page is there from the first moment."""

import asyncio
import atexit
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from voiceagent.app.asgi import spare_what_stays
from voiceagent.app.capacity.memory_plan import require_room
from voiceagent.app.specs import gpus_for
from voiceagent.app.tls import require_tls
from voiceagent.config.guard import read_token, require_guard
from voiceagent.config.settings import ServerSettings
from voiceagent.doors.app import create_app
from voiceagent.doors.uvicorn import server_config
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError
from voiceagent.trace.log import configure

if TYPE_CHECKING:
    from voiceagent.app.agent import Agent


def serve(agent: "Agent") -> None:
    """Serve until Ctrl-C. Raises VoiceAgentError for a server that others reach and that has no token, a certificate
    that cannot be used, a port in use, too little memory and missing models, and what an engine's load raises.
    """
    settings = agent.settings
    configure(settings.trace.log_level, settings.trace.log_format, log_text=settings.trace.log_text)
    require_guard(settings.server)
    require_tls(settings.server)
    gpus = gpus_for(settings)
    require_room(settings, gpus)
    listener = listen(settings.server.host, settings.server.port)
    asyncio.run(_serve(agent, gpus, listener))


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything is loaded: a mistake shows at once, not after the models."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise VoiceAgentError(
            f"Cannot listen on {host}:{port} ({error.strerror}). Stop what is using it,"
            " or take another port: --set server.port=7861 (0 takes any free one)."
        ) from error
    return listener


def page_address(server: ServerSettings, host: str, port: int) -> str:
    """Return where somebody at this machine opens the page of a server that listens at `host`; the token included."""
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::1", "::") else f"[{host}]" if ":" in host else host
    token = read_token(server)
    return f"{'https' if server.tls_cert else 'http'}://{shown}:{port}{f'/?token={token}' if token else ''}"


async def _serve(agent: "Agent", gpus: tuple[Gpu, ...], listener: socket.socket) -> None:
    app = create_app(agent, agent.settings)
    server = uvicorn.Server(server_config(app, agent.settings.server, lifespan="off"))
    try:
        async with app.router.lifespan_context(app):  # not uvicorn's, which tells what a door raises as a traceback
            await _load_and_serve(agent, gpus, server, listener)
    finally:
        if agent.close():
            atexit.register(leave)


async def _load_and_serve(
    agent: "Agent", gpus: tuple[Gpu, ...], server: uvicorn.Server, listener: socket.socket
) -> None:
    loading = asyncio.create_task(agent.start(gpus))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.wait({loading, serving}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            spare_what_stays()
            host, port = listener.getsockname()[:2]
            where = page_address(agent.settings.server, host, port)
            print(f"Ready. Talk to the agent at {where} (stop with Ctrl-C).", flush=True)
        await serving
    finally:
        server.should_exit = True
        loading.cancel()
        await asyncio.gather(serving, loading, return_exceptions=True)


def leave() -> None:
    """End the process at once: native code that still runs would crash during interpreter shutdown."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
