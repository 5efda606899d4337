"""One telephone call: a session whose caller is heard at the telephone's rate. It knows no wire format."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.host import Host
from voiceagent.doors.intake import Intake
from voiceagent.session.config import ConversationConfig
from voiceagent.session.reports import Report

log = logging.getLogger(__name__)

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
        self._hang_up = hang_up
        self._closed = False
        self._intake = Intake()
        self.session = host.open_session(on_report, config)

    def describe(self) -> dict[str, Any]:
        """Describe the connection for /api/sessions."""
        return {"connection": self._via}

    def hear(self, pcm: Pcm, rate: int) -> None:
        """Take the caller's voice, of any length. Raises BadRequestError when it comes too fast."""
        if len(heard := self._intake.take(pcm, rate)):
            self.session.hear(heard)

    def press(self, key: str) -> None:
        """Take a key that the caller pressed. Raises VoiceAgentError for what is no key, and for too many."""
        self._intake.count(KEY_S)
        self.session.press(key)

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
