"""How much audio a client may send: no more than a person speaks, and a burst after a hiccup of the network."""

import asyncio

from voiceagent.doors.errors import BadRequestError

BURST_S = 10.0


class Intake:
    """Counts the audio of one live client against the clock."""

    def __init__(self, burst_s: float = BURST_S) -> None:
        self._burst_s = burst_s
        self._loop = asyncio.get_running_loop()
        self._spoken_until = self._loop.time()

    def take(self, seconds: float) -> None:
        """Count audio that came just now. Raises BadRequestError for more than `burst_s` ahead of the clock."""
        now = self._loop.time()
        spoken_until = max(self._spoken_until, now) + seconds
        if spoken_until - now > self._burst_s:
            words = f"The audio comes faster than it is spoken: send no more than {self._burst_s:g} s ahead."
            raise BadRequestError("too_fast", words)
        self._spoken_until = spoken_until
