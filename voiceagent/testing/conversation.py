"""A conversation between one caller and an agent, in virtual time."""

import asyncio

from voiceagent.testing.caller import Caller
from voiceagent.testing.callers import Callers


class Conversation(Callers):
    """One connected caller: `async with Conversation("scripted.yaml") as talk`.

    Takes what Callers takes. Virtual time needs engines that take no time of their own: there is no such conversation
    with real models.
    """

    async def __aenter__(self) -> Caller:
        self._caller = self.call()
        return self._caller

    async def __aexit__(self, *error: object) -> None:
        self._caller.hangs_up()
        self.close()
        await asyncio.sleep(0)  # tools that were cancelled end
