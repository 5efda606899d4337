"""An application's blocking function in a thread of its own, which blocks neither the event loop nor the exit."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], name: str, on_end: Callable[[], None] = lambda: None) -> T:
    """Run `work` in a daemon thread, which unlike an executor's does not keep the process from ending; return what it
    returns. `on_end` is called in the thread when it is over, however long after a cancellation.

    Raises RuntimeError with the type and the text of what it raises.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(result)  # type: ignore[arg-type]
        else:
            outcome.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))

    def body() -> None:
        result, failure = None, None
        try:
            result = context.run(work)
        except BaseException as error:
            failure = error
        finally:
            on_end()
        with suppress(RuntimeError):  # the loop has ended: the result is no longer awaited
            loop.call_soon_threadsafe(settle, result, failure)

    Thread(target=body, name=name, daemon=True).start()
    return await outcome
