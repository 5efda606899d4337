"""The agent as an ASGI application: `uvicorn my_agent:app`, or mounted by any ASGI host."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from voiceagent.doors.http import create_app

if TYPE_CHECKING:
    from voiceagent.app.agent import Agent


def asgi_app(agent: "Agent") -> Starlette:
    """Return the application of page and doors; its lifespan loads the models before anything is served."""
    app = create_app(agent, agent.settings.server)
    close_connections = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with agent, close_connections(app):
            yield

    app.router.lifespan_context = lifespan
    return app
