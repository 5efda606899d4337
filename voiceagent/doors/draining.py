"""A server that is to end lets its callers finish: no newcomers, answers end, and each caller is told to come back."""

import asyncio
import logging

from voiceagent.doors.connections import Connection, Connections
from voiceagent.session.state import User

log = logging.getLogger(__name__)

LOOK_S = 0.05
"""How often it is looked whether a caller's answer has ended."""


async def drain(connections: Connections, within_s: float) -> None:
    """Admit nobody any more, and close each connection when its answer has ended, or at the latest after `within_s`
    seconds."""
    connections.draining = True
    loop = asyncio.get_running_loop()
    give_up = loop.time() + within_s
    log.info("draining: nobody is let in any more", extra={"callers": len(connections.connected)})
    while connections.connected and loop.time() < give_up:
        await asyncio.gather(*(each.close("restart") for each in connections.connected if is_at_rest(each)))
        await asyncio.sleep(LOOK_S)
    cut = connections.connected
    await connections.close()
    log.info("drained", extra={"cut": len(cut)})


def is_at_rest(connection: Connection) -> bool:
    """Return whether nobody speaks, and no answer is awaited or heard."""
    state = connection.session.state
    return state.user is User.SILENT and state.response is None and not state.speaking
