"""A further port of the server, with routes of its own."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from voiceagent.doors.access import Access, Gate
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
async def serve(name: str, host: str, port: int, routes: Sequence[BaseRoute], access: Access) -> AsyncIterator[None]:
    """Serve routes on a port while inside, to those who may come in. Raises VoiceAgentError for a port in use."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        text = f"Cannot listen on {host}:{port} for the {name} service ({error.strerror}). Stop what is using it."
        raise VoiceAgentError(text) from error
    app = Starlette(routes=list(routes), middleware=[Middleware(Gate, access=access)])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=LEAVE_S)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    log.info("the %s service listens", name, extra={"port": listener.getsockname()[1]})
    try:
        yield
    finally:
        server.should_exit = True
        await serving
