"""The ASGI application: the doors that the settings name, and what operators ask of the process."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute

from voiceagent.config.settings import Settings
from voiceagent.doors.access import Access, Gate, cors
from voiceagent.doors.connections import Connections
from voiceagent.doors.door import Door, DoorContext
from voiceagent.doors.errors import RequestError
from voiceagent.doors.host import Host
from voiceagent.doors.openapi import publishing
from voiceagent.doors.operations import Operations
from voiceagent.doors.registry import make_door
from voiceagent.doors.replica import Replica
from voiceagent.doors.requests import no_such_thing, nobody_there, refuse, unavailable
from voiceagent.doors.returning import Returning
from voiceagent.doors.watched import Watched
from voiceagent.doors.webrtc.offers import Offers
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

PAGE = "page"


def create_app(
    host: Host, settings: Settings, connections: Connections | None = None, watched: Watched | None = None
) -> Starlette:
    """Build the application. Its lifespan opens the doors that have ports of their own, and closes every connection.

    `connections` are those of the process, where others than its doors admit callers too; `watched` is what pages may
    look on.

    Raises VoiceAgentError for a token file that cannot be read.
    """
    connections = connections or Connections(host)
    offers = Offers(host, connections, settings.server)
    access = Access(settings.server)
    returning = Returning(settings.session.resume_s, settings.session.store)
    context = DoorContext(host, connections, offers, settings, access, returning, watched)
    opened = {name: door for name in settings.doors if not left_out(door := make_door(name, context), name)}
    doors = list(opened.values())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.enter_context(returning.open())
            stack.push_async_callback(connections.close)
            for door in doors:
                await stack.enter_async_context(door.open())
            yield

    routes: list[BaseRoute] = [*Operations(host, connections, metrics=settings.server.metrics).routes]
    for door in doors:
        routes += door.routes
    routes.append(publishing(routes))
    public = [path for door in doors for path in door.public]
    guarded = [path for door in doors for path in door.guarded]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            *([Middleware(Replica, name=settings.server.replica)] if settings.server.replica else []),
            *cors(settings.server.allow_origins),
            Middleware(Gate, access=access, public=public, guarded=guarded),
        ],
        exception_handlers={
            RequestError: refuse,
            VoiceAgentError: unavailable,
            HTTPException: partial(no_such_thing, where=where_to_go(settings.doors, opened)),
            ClientDisconnect: nobody_there,
        },
    )


def left_out(door: Door, name: str) -> bool:
    """Return whether a door stays shut, since the process runs without an engine that it needs."""
    missing = sorted(door.needs - door.context.host.models.keys())
    if missing:
        log.warning("door stays shut", extra={"door": name, "without": " ".join(missing)})
    return bool(missing)


def where_to_go(named: Collection[str], opened: Collection[str]) -> str:
    """Return what a visitor is told who asks for something that is not there."""
    if PAGE in opened:
        return "The page is at /."
    doors = f"doors: {', '.join(opened) or 'none'}"
    if PAGE in named:
        return f"The page stays shut, as a conversation needs a recogniser, a language model and a voice ({doors})."
    return f"This server has no page ({doors})."
