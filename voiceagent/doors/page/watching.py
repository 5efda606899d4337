"""What a page is sent that looks on at another conversation: the same messages, a line of JSON each."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from voiceagent.doors.page import messages
from voiceagent.doors.page.client import AGENT
from voiceagent.doors.watched import Watched
from voiceagent.session.coordinator import Session
from voiceagent.trace.steps import StepRecord

LANES_S = 0.3
"""How often the lanes are shown."""


async def lines(
    watched: Watched, session: Session, steps_since: Callable[[float], list[StepRecord]]
) -> AsyncIterator[str]:
    """Yield the conversation so far and as it goes on; at its end, good-bye."""
    clock = asyncio.get_running_loop()
    shown = clock.time()
    yield _line(messages.session(session.id, AGENT, shown))
    async with aclosing(watched.follow(LANES_S)) as reports:
        async for report in reports:
            if report is not None and (message := messages.payload(report)) is not None:
                yield _line(message)
            if (now := clock.time()) - shown >= LANES_S:
                yield _line(messages.lanes(now, steps_since(shown), session.streams))
                shown = now
    if watched.over:
        yield _line(messages.bye("hangup"))


def _line(message: messages.Payload) -> str:
    return json.dumps(message, ensure_ascii=False) + "\n"
