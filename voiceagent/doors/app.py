"""The ASGI application: the doors that the settings name, and what operators ask of the process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from voiceagent.config.settings import Settings
from voiceagent.doors.access import Access, Gate, cors
from voiceagent.doors.connections import Connections
from voiceagent.doors.door import DoorContext
from voiceagent.doors.errors import RequestError
from voiceagent.doors.host import Host
from voiceagent.doors.operations import Operations
from voiceagent.doors.registry import make_door
from voiceagent.doors.requests import no_such_thing, refuse, unavailable
from voiceagent.doors.webrtc.offers import Offers
from voiceagent.errors import VoiceAgentError


def create_app(host: Host, settings: Settings, connections: Connections | None = None) -> Starlette:
    """Build the application. Its lifespan opens the doors that have ports of their own, and closes every connection.

    `connections` are those of the process, where others than its doors admit callers too.

    Raises VoiceAgentError for a token file that cannot be read.
    """
    connections = connections or Connections(host)
    offers = Offers(host, connections, settings.server)
    access = Access(settings.server)
    context = DoorContext(host, connections, offers, settings, access)
    doors = [make_door(name, context) for name in settings.doors]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(connections.close)
            for door in doors:
                await stack.enter_async_context(door.open())
            yield

    routes: list[BaseRoute] = [*Operations(host, connections, metrics=settings.server.metrics).routes]
    for door in doors:
        routes += door.routes
    public = [path for door in doors for path in door.public]
    guarded = [path for door in doors for path in door.guarded]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            *cors(settings.server.allow_origins),
            Middleware(Gate, access=access, public=public, guarded=guarded),
        ],
        exception_handlers={RequestError: refuse, VoiceAgentError: unavailable, HTTPException: no_such_thing},
    )
