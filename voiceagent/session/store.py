"""Where conversations are kept for callers who come back: in memory, unless a file is asked for (`sqlite_store.py`)."""

import asyncio
from typing import Protocol

from voiceagent.session.snapshot import Snapshot

MOST_KEPT = 256
"""Conversations that are kept at once; the oldest goes first. Each was a caller who had been let in."""


class Store(Protocol):
    """Keeps conversations under tokens, each for a while after its connection has ended."""

    durable: bool
    """Whether it outlives the process, so that it is worth saving what is going on."""

    def keep(self, token: str, kept: Snapshot) -> None:
        """Keep a conversation whose connection has ended, in place of what was kept under its token."""

    def save(self, token: str, kept: Snapshot) -> None:
        """Keep how a conversation stands whose caller is connected, in case that the process ends."""

    async def take(self, token: str) -> Snapshot | None:
        """Return what is kept under a token, and keep it no longer; None if there is nothing, or no longer."""

    def forget(self, token: str) -> None:
        """Keep nothing under a token."""

    def close(self) -> None:
        """The process ends."""


class MemoryStore:
    """Keeps conversations in this process, each for `within_s` seconds."""

    durable = False

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._kept: dict[str, tuple[Snapshot, asyncio.TimerHandle]] = {}

    def keep(self, token: str, kept: Snapshot) -> None:
        """Keep a conversation whose connection has ended, in place of what was kept under its token."""
        self.forget(token)
        while len(self._kept) >= MOST_KEPT:
            self.forget(next(iter(self._kept)))
        timer = asyncio.get_running_loop().call_later(self._within_s, self.forget, token)
        self._kept[token] = kept, timer

    def save(self, token: str, kept: Snapshot) -> None:
        """Nothing would be left of it if the process ended."""

    async def take(self, token: str) -> Snapshot | None:
        """Return what is kept under a token, and keep it no longer; None if there is nothing, or no longer."""
        kept = self._kept.get(token)
        self.forget(token)
        return kept[0] if kept is not None else None

    def forget(self, token: str) -> None:
        """Keep nothing under a token."""
        if (kept := self._kept.pop(token, None)) is not None:
            kept[1].cancel()

    def close(self) -> None:
        """Forget everything."""
        for token in list(self._kept):
            self.forget(token)
