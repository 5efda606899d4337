"""How a server ends, our own or another's that runs the application: at once on Ctrl-C, and on SIGTERM (of systemd,
Docker, Kubernetes) when answers have ended."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn

from voiceagent.doors.connections import Connections
from voiceagent.doors.draining import drain


class DrainingServer(uvicorn.Server):
    """Serves until it is told to stop. The first SIGTERM drains, for `drain_s` seconds at most, and then the process
    ends as one that has done its work (exit status 0); a second one, or Ctrl-C, does not wait."""

    def __init__(self, config: uvicorn.Config, connections: Connections, drain_s: float) -> None:
        super().__init__(config)
        self._connections = connections
        self._drain_s = drain_s
        self._loop = asyncio.get_running_loop()
        self._draining: asyncio.Task[None] | None = None
        self.interrupted = False
        """Whether Ctrl-C (SIGINT) has come."""

    @property
    def draining(self) -> bool:
        """Whether SIGTERM has come."""
        return self._draining is not None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal."""
        self.interrupted |= sig == signal.SIGINT
        if sig == signal.SIGTERM and self._draining is None and not self.should_exit:
            self._loop.call_soon_threadsafe(self._begin)
        else:
            super().handle_exit(sig, frame)

    def _begin(self) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        try:
            await drain(self._connections, self._drain_s)
        finally:
            self.should_exit = True


@asynccontextmanager
async def drains_on_sigterm(connections: Connections, drain_s: float) -> AsyncIterator[None]:
    """Have the first SIGTERM drain, for `drain_s` seconds at most, before the server that runs this application hears
    of it; a second one, or Ctrl-C, does not wait. To be entered on the event loop, when that server takes signals.

    A server that hears of signals by itself besides (`loop.add_signal_handler`) closes meanwhile: then the answers that
    need no connection of the server's, those of WebRTC, are heard out at the end. Nothing is done where SIGTERM has no
    handler, or this is not the main thread.
    """
    theirs = {sig: handler for sig in (signal.SIGTERM, signal.SIGINT) if callable(handler := signal.getsignal(sig))}
    if signal.SIGTERM not in theirs or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    draining: asyncio.Task[None] | None = None

    def tell(drained: asyncio.Task[None]) -> None:
        if not drained.cancelled():
            theirs[signal.SIGTERM](signal.SIGTERM, None)

    def begin() -> None:
        nonlocal draining
        if draining is None:
            draining = loop.create_task(drain(connections, drain_s))
            draining.add_done_callback(tell)

    def handle(sig: int, frame: FrameType | None) -> None:
        if draining is None and sig == signal.SIGTERM:
            loop.call_soon_threadsafe(begin)
            return
        if draining is not None:
            loop.call_soon_threadsafe(draining.cancel)
        theirs[signal.Signals(sig)](sig, frame)

    for sig in theirs:
        signal.signal(sig, handle)
    try:
        yield
    finally:
        for sig, handler in theirs.items():
            if signal.getsignal(sig) is handle:
                signal.signal(sig, handler)
        if draining is not None:
            await asyncio.wait([draining])
