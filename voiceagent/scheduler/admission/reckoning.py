"""Long arithmetic beside an event loop: on a thread that rests often, so that nobody waits for it.

Plain Python keeps the interpreter for 5 ms at a time, and other threads waiting for it, the event loop among them. Here
it works for less, and sleeps four times as long.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from time import perf_counter, sleep

log = logging.getLogger(__name__)

WORK_S, REST_S = 0.002, 0.008

Rest = Callable[[], None]
"""Sleeps when it is time to. The arithmetic calls it often: every tenth of a millisecond or so."""


def reckon(work: Callable[[Rest], int], take: Callable[[int | None], None]) -> None:
    """Do the work on a thread of its own, and call `take` with the result on the running event loop.

    The result is None if the work raised, which is logged. The thread keeps no process from ending.
    """
    loop = asyncio.get_running_loop()

    def run() -> None:
        result = None
        try:
            result = work(_rest())
        except Exception:
            log.exception("a reckoning failed")
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(take, result)

    Thread(target=run, name="reckoning", daemon=True).start()


def _rest() -> Rest:
    since = perf_counter()

    def rest() -> None:
        nonlocal since
        if perf_counter() - since >= WORK_S:
            sleep(REST_S)
            since = perf_counter()

    return rest
