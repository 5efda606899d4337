"""The agent as an ASGI application: `uvicorn my_agent:app`, or mounted by any ASGI host."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from voiceagent.app.capacity.memory_plan import require_room
from voiceagent.app.draining import drains_on_sigterm
from voiceagent.app.specs import gpus_for
from voiceagent.doors.app import create_app
from voiceagent.doors.connections import Connections

if TYPE_CHECKING:
    from voiceagent.app.agent import Agent


def asgi_app(agent: "Agent") -> Starlette:
    """Return the application of page and doors; its lifespan loads the models before anything is served."""
    connections = Connections(agent)
    app = create_app(agent, agent.settings, connections)
    close_connections = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        gpus = await asyncio.to_thread(gpus_for, agent.settings)
        require_room(agent.settings, gpus)
        try:
            await agent.start(gpus)
            spare_what_stays()
            async with close_connections(app), drains_on_sigterm(connections, agent.settings.server.drain_s):
                yield
        finally:
            agent.close()

    app.router.lifespan_context = lifespan
    return app


def spare_what_stays() -> None:
    """Leave the models and modules out of every later garbage collection: scanning them all blocked the event loop for
    50 ms, and every caller heard it."""
    gc.collect()
    gc.freeze()
