"""A further port of the server, with routes of its own."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access import Access, Gate
from voiceagent.doors.uvicorn import server_config
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

LEAVE_S = 2
"""How long clients of a port that is closed have to end what they do."""


class _Server(uvicorn.Server):
    """A server that leaves the signals to the one on the main port."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


@asynccontextmanager
async def serve(
    setting: str, port: int, routes: Sequence[BaseRoute], server: ServerSettings, access: Access
) -> AsyncIterator[None]:
    """Serve routes on a port while inside, to those who may come in; `setting` names the port in the error.

    Raises VoiceAgentError for a port in use.
    """
    listener = _listen(setting, server.host, port)
    app = Starlette(routes=list(routes), middleware=[Middleware(Gate, access=access)])
    config = server_config(app, server, lifespan="off", timeout_graceful_shutdown=LEAVE_S)
    serving = _Server(config)
    task = asyncio.create_task(serving.serve(sockets=[listener]))
    log.info("listening", extra={"host": server.host, "port": listener.getsockname()[1], "setting": setting})
    try:
        yield
    finally:
        serving.should_exit = True
        await task


def _listen(setting: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise VoiceAgentError(
            f"Cannot listen on {host}:{port} ({reason}). Stop what is using it, or take another port:"
            f" --set {setting}={port + 1} (0 takes any free one)."
        ) from error
