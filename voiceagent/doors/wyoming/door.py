"""The Wyoming door: a TCP port for Home Assistant, which hears, speaks and answers texts (docs/wyoming.md)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from voiceagent.doors.door import Door, DoorContext
from voiceagent.doors.tcp import listening
from voiceagent.doors.wyoming.announcement import announced
from voiceagent.doors.wyoming.client import WyomingClient
from voiceagent.doors.wyoming.conversations import Conversations


class WyomingDoor(Door):
    """Speech services for Home Assistant."""

    def __init__(self, context: DoorContext) -> None:
        super().__init__(context)
        config = context.host.config
        self._conversations = Conversations(config.max_turns, config.budget_tokens)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen, and announce it if the settings say so."""
        settings = self.context.settings.wyoming
        self.context.access.require_guard(settings.host, "wyoming", takes_token=False)
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(listening(self._serve, settings.host, settings.port, "wyoming.port"))
            if settings.announce:
                await stack.enter_async_context(announced(settings.host, port))
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await WyomingClient(reader, writer, self.context.host, self._conversations).serve()
