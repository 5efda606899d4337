"""A TCP port of a door's own: connections served side by side, each in a task, all ended with the door."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
"""Connections at once, talking or not; the next is closed at once. Callers are fewer (server.max_sessions)."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Serve every connection to a port, and yield the port: a free one for 0.

    A connection is closed when `serve` returns or raises; that the client has vanished (OSError, EOFError), or does not
    read (TimeoutError), is no fault.
    `setting` names the port in the error. Raises VoiceAgentError for a port in use.
    """
    serving: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(serving) >= MOST_CONNECTIONS:
            log.warning("too many connections", extra={"port": port, "most": MOST_CONNECTIONS})
            writer.close()
            return
        serving.add(task)
        try:
            await serve(reader, writer)
        except TimeoutError:
            log.warning("connection cut off: the client takes nothing", extra={"port": port})
            writer.transport.abort()  # what waits for it would keep the connection open
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        except Exception:  # one client's fault or ours: the others' connections live
            log.exception("a connection failed", extra={"port": port})
        finally:
            serving.discard(task)
            writer.close()

    try:
        server = await asyncio.start_server(take, host, port)
    except OSError as error:
        raise VoiceAgentError(
            f"Cannot listen on {host}:{port} ({error.strerror or error}). Stop what is using it, or take another port:"
            f" --set {setting}={port + 1} (0 takes any free one)."
        ) from error
    free = server.sockets[0].getsockname()[1]
    log.info("listening", extra={"host": host, "port": free, "setting": setting})
    try:
        yield free
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
