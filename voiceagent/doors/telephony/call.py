"""One telephone call: a session whose caller is heard at the telephone's rate. It knows no wire format."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.access import Bucket
from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.host import Host
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.session.config import ConversationConfig
from voiceagent.session.reports import Report

log = logging.getLogger(__name__)

AHEAD_S = 10.0
"""How far ahead of the clock a caller's audio may be: a burst after a hiccup of the network."""
KEY_S = 0.05
"""The shortest tone of a key."""


class Call:
    """A connected caller.

    `hang_up` ends the transport. Raises VoiceAgentError for an unsupported configuration.
    """

    def __init__(
        self,
        via: str,
        host: Host,
        config: ConversationConfig | None,
        on_report: Callable[[Report], None],
        hang_up: Callable[[], Awaitable[None]],
    ) -> None:
        self.id = uuid4().hex
        self._via = via
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._hang_up = hang_up
        self._closed = False
        self._intake = Bucket(1.0, AHEAD_S)
        self._ears: tuple[int, Resampler] | None = None
        self.session = host.open_session(on_report, config)

    @property
    def age_s(self) -> float:
        """How long ago it began."""
        return self._loop.time() - self._began_at

    def describe(self) -> dict[str, Any]:
        """Describe it for /api/sessions."""
        state = self.session.state
        return {
            "session": self.session.id,
            "connection": self._via,
            "turn": state.turn,
            "generation": state.generation,
            "floor": state.floor.value,
            "underruns": self.session.playout.underruns,
        }

    def hear(self, pcm: Pcm, rate: int) -> None:
        """Take the caller's voice, of any length. Raises BadRequestError when it comes too fast."""
        self._require_pace(len(pcm) / rate)
        if rate == SAMPLE_RATE:
            self.session.hear(pcm)
            return
        if self._ears is None or self._ears[0] != rate:
            self._ears = rate, Resampler(rate, SAMPLE_RATE)
        if len(heard := self._ears[1].push(pcm)):
            self.session.hear(heard)

    def press(self, key: str) -> None:
        """Take a key that the caller pressed. Raises VoiceAgentError for what is no key, and for too many."""
        self._require_pace(KEY_S)
        self.session.press(key)

    def _require_pace(self, seconds: float) -> None:
        if self._intake.wait_s(seconds):
            words = f"The audio comes faster than it is spoken: send no more than {AHEAD_S:g} s ahead."
            raise BadRequestError("too_fast", words)

    async def close(self, reason: str) -> None:
        """End the session and the call. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self.session.close()
        except Exception:  # an engine failed to close its stream: the place is free all the same
            log.exception("a session ended badly", extra={"session": self.session.id})
        log.info("session ended", extra={"session": self.session.id, "reason": reason})
        await self._hang_up()
