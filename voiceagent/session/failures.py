"""What people are told when a model fails in one session: not thirty times a second."""

import asyncio
import logging
from collections.abc import Callable

from voiceagent.scheduler.watchdog import StuckError
from voiceagent.session.effects import Effect
from voiceagent.session.reports import Report, engine_failed
from voiceagent.session.turns import TurnLog

log = logging.getLogger(__name__)

TELL_AGAIN_S = 1.0
"""A lane that fails at every step does so thirty times a second; it is reported once in this interval."""


class Failures:
    """Counts, logs and reports the failures of one session's engines. To be called in its name (`trace/about.py`)."""

    def __init__(self, session: str, turns: TurnLog, report: Callable[[Report], None]) -> None:
        self._session = session
        self._turns = turns
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._told: dict[str, float] = {}
        """When an engine's failure was last reported to the user."""

    def tell(self, engine: str, error: Exception) -> None:
        """An engine has failed."""
        self._turns.engine_failed(engine)
        now = self._loop.time()
        if now - self._told.get(engine, -TELL_AGAIN_S) >= TELL_AGAIN_S:
            self._told[engine] = now
            log.error("%s failed: %s", engine, error, extra={"session": self._session, "engine": engine})
            self._report(engine_failed(engine, stuck=isinstance(error, StuckError)))

    def refused(self, effect: Effect, error: Exception) -> None:
        """An effect could not be carried out; which engine failed is told apart (`tell`)."""
        log.error("cannot carry out %s", type(effect).__name__, exc_info=error, extra={"session": self._session})
