"""A conversation at this machine that pages may look on: what has happened so far, and then what happens."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from voiceagent.doors.errors import UnavailableError
from voiceagent.session.coordinator import Session
from voiceagent.session.reports import Report, SessionClosed

PAST = 4000
"""Reports that are kept for those who come later: some twenty minutes of talk."""
BEHIND = 1000
"""Reports that may wait for one onlooker; one that takes them more slowly is let go, and comes again."""
MOST = 16
"""Onlookers at a time."""
RETRY_S = 10


class Watched:
    """Takes a session's reports, on the event loop, and hands them to the onlookers."""

    def __init__(self) -> None:
        self.session: Session | None = None
        """The conversation, once it is open."""
        self.over = False
        """It has ended."""
        self._past: deque[Report] = deque(maxlen=PAST)
        self._onlookers: set[asyncio.Queue[Report | None]] = set()

    def report(self, report: Report) -> None:
        """Take a report."""
        self.over = self.over or isinstance(report, SessionClosed)
        self._past.append(report)
        for waiting in list(self._onlookers):
            if waiting.qsize() >= BEHIND + PAST:
                self._onlookers.discard(waiting)
            waiting.put_nowait(report if waiting in self._onlookers else None)

    def require_session(self) -> Session:
        """Return the conversation. Raises UnavailableError where there is none yet, or too many look on."""
        if self.session is None:
            raise UnavailableError("loading", "The conversation has not begun yet.", RETRY_S)
        if len(self._onlookers) >= MOST:
            raise UnavailableError("too_many_onlookers", f"{MOST} pages show it already: close one.", RETRY_S)
        return self.session

    async def follow(self, idle_s: float) -> AsyncGenerator[Report | None, None]:
        """Yield what has happened and what happens, until the conversation ends; None after every `idle_s` seconds in
        which nothing does.
        """
        waiting: asyncio.Queue[Report | None] = asyncio.Queue()
        for report in self._past:
            waiting.put_nowait(report)
        self._onlookers.add(waiting)
        try:
            while True:
                try:
                    async with asyncio.timeout(idle_s):
                        news = await waiting.get()
                except TimeoutError:
                    yield None
                    continue
                if news is None:
                    return
                yield news
                if isinstance(news, SessionClosed):
                    return
        finally:
            self._onlookers.discard(waiting)
