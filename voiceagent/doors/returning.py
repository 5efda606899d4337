"""Callers who come back: what was said stays for a while after their line breaks, for the client that has the token.

A client is told its token when it connects. With it, and if it likes with how far it has heard, it gets the same
session again: the same name, the same history, and first of all what it has not heard of the agent's last words. A
caller who is still taken to be connected (nobody notices a dead line at once) is taken over.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from voiceagent.doors.connections import Connection
from voiceagent.doors.errors import BadRequestError
from voiceagent.session.reports import (
    Report,
    ResponseEnded,
    ResponseStarted,
    SegmentAnnounced,
    TextCompleted,
    UserText,
    UserTextWithdrawn,
    UserTurnEnded,
    WordHeard,
)
from voiceagent.session.snapshot import Place, Snapshot
from voiceagent.session.sqlite_store import SqliteStore
from voiceagent.session.store import MemoryStore, Store

log = logging.getLogger(__name__)

FOR_GOOD = ("hangup",)
"""Reasons for an end after which nobody comes back."""
MOST_TOKEN_CHARS = 64
MOST = 10**6
"""Responses, segments and words of a call: it has fewer."""
SAVE_S = 0.2
"""How often it is saved, at most, which words were heard."""
_CHANGES = (
    ResponseEnded
    | ResponseStarted
    | SegmentAnnounced
    | TextCompleted
    | UserText
    | UserTextWithdrawn
    | UserTurnEnded
    | WordHeard
)
_PLACE = ("generation", "segment", "word")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client brings that wants to go on with a conversation."""

    token: str
    heard: Place | None = None
    """How far it has heard, if it says so."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client is let in with."""

    token: str
    past: Snapshot | None = None
    """The conversation that it goes on with; None for one that begins."""


def read_claim(value: object) -> Claim | None:
    """Return what a client brings as `resume`: {token}, or {token, generation, segment, word}; None for nothing.

    Raises BadRequestError.
    """
    if value is None:
        return None
    fields: dict[Any, Any] = value if isinstance(value, dict) else {}
    token, numbers = fields.get("token"), [fields.get(name) for name in _PLACE]
    place = [number for number in numbers if isinstance(number, int) and type(number) is int and 0 <= number <= MOST]
    known = isinstance(token, str) and 0 < len(token) <= MOST_TOKEN_CHARS
    if not known or len(place) not in (0, len(_PLACE)) or len(place) != sum(each is not None for each in numbers):
        raise BadRequestError(
            "bad_resume",
            'To go on with a conversation, send {"token": "..."} as the session message gave it, and if you know it '
            'the last word that was heard: "generation", "segment" and "word", from 0.',
        )
    return Claim(str(token), Place(*place) if place else None)


class Returning:
    """The conversations of callers who may come back."""

    def __init__(self, within_s: float, file: Path | None = None) -> None:
        self.within_s = within_s
        """For how many seconds after the end of a connection; 0: nobody may."""
        self._file = file
        self._store: Store = MemoryStore(within_s)
        self._connected: dict[str, Connection] = {}
        self._saving: dict[str, asyncio.TimerHandle] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep conversations in the file, if there is one, while inside. Raises VoiceAgentError for one that cannot be
        used."""
        if self._file is not None and self.within_s:
            self._store = SqliteStore(self._file, self.within_s)
            log.warning("conversations are written to disk", extra={"file": str(self._file)})
        try:
            yield
        finally:
            for timer in self._saving.values():
                timer.cancel()
            self._store.close()

    async def arrive(self, claim: Claim | None) -> Ticket:
        """Return what a client is let in with. A token under which nothing is kept begins another conversation."""
        if claim is None or not self.within_s:
            return Ticket(token_urlsafe(16))
        if (connected := self._connected.get(claim.token)) is not None:
            await connected.close("moved")
        past = await self._store.take(claim.token)
        if past is None:
            return Ticket(token_urlsafe(16))
        return Ticket(claim.token, past if claim.heard is None else past.heard_until(claim.heard))

    def refused(self, ticket: Ticket) -> None:
        """The client was not let in after all: it may try again."""
        if ticket.past is not None:
            self._store.keep(ticket.token, ticket.past)

    def connected(self, ticket: Ticket, connection: Connection) -> None:
        """The client is connected."""
        self._connected[ticket.token] = connection
        if ticket.past is not None:
            log.info("session resumed", extra={"session": ticket.past.session})
            self._save(ticket, connection)

    def changed(self, ticket: Ticket, connection: Connection, report: Report) -> None:
        """The session of a connected client reports something, after which the conversation is another."""
        if not self._store.durable or not isinstance(report, _CHANGES) or ticket.token not in self._connected:
            return
        soon = isinstance(report, WordHeard)
        timer = self._saving.get(ticket.token)
        if timer is not None and soon:
            return
        if timer is not None:
            timer.cancel()
        wait_s = SAVE_S if soon else 0.0
        loop = asyncio.get_running_loop()
        self._saving[ticket.token] = loop.call_later(wait_s, self._save, ticket, connection)

    def _save(self, ticket: Ticket, connection: Connection) -> None:
        self._saving.pop(ticket.token, None)
        if (kept := _snapshot(connection)) is not None:
            self._store.save(ticket.token, kept)

    def leaving(self, ticket: Ticket, connection: Connection, reason: str) -> None:
        """The connection ends; call while the session is still open. Keeps the conversation unless it is over."""
        self._connected.pop(ticket.token, None)
        if (timer := self._saving.pop(ticket.token, None)) is not None:
            timer.cancel()
        if not self.within_s or reason in FOR_GOOD:
            self._store.forget(ticket.token)
            return
        kept = _snapshot(connection)
        if kept is None:
            self._store.forget(ticket.token)
        elif kept.past.items or kept.wishes or kept.saying:
            self._store.keep(ticket.token, kept)


def _snapshot(connection: Connection) -> Snapshot | None:
    try:
        return connection.session.snapshot()
    except Exception:  # the call goes on, and a caller who leaves frees the place
        log.exception("a conversation cannot be kept", extra={"session": connection.session.id})
        return None
