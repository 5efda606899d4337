"""What every door is: routes on the server's port, and perhaps ports of its own."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from starlette.routing import BaseRoute

from voiceagent.config.settings import Settings
from voiceagent.doors.access import Access
from voiceagent.doors.connections import Connections
from voiceagent.doors.host import Host
from voiceagent.doors.returning import Returning
from voiceagent.doors.watched import Watched
from voiceagent.doors.webrtc.offers import Offers


@dataclass(frozen=True, slots=True)
class DoorContext:
    """What a door is made of. All doors of a process share it."""

    host: Host
    connections: Connections
    offers: Offers
    """Answers WebRTC offers, for whichever client uses the data channel."""
    settings: Settings
    access: Access
    """Who may come in. Every route is behind it already; a door with a listener of its own asks it."""
    returning: Returning
    """Who comes back after a line broke."""
    watched: Watched | None = None
    """The conversation at this machine's own microphone and loudspeaker, if there is one."""


class Door:
    """A way in. A door that serves HTTP or WebSockets has routes; one that listens elsewhere does so while `open`."""

    needs: ClassVar[frozenset[str]] = frozenset({"asr", "llm", "tts"})
    """The engines without which it stays shut: all three for a conversation."""

    def __init__(self, context: DoorContext) -> None:
        self.context = context

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes on the server's port, built once."""
        return ()

    @property
    def public(self) -> Collection[str]:
        """The paths that may be read without a token (GET), since they hold nothing that is anybody's."""
        return ()

    @property
    def guarded(self) -> Collection[str]:
        """The paths at which the door itself asks who a client is, in the client's own way: they need no token."""
        return ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen on ports of its own while inside; on leaving, every connection through them is closed."""
        yield
