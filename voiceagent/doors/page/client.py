"""The page's side of a call: its JSON messages over the data channel, both ways (docs/protocol.md)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.json_text import json_of
from voiceagent.doors.page import messages
from voiceagent.doors.page.telemetry import Telemetry
from voiceagent.doors.returning import Returning, Ticket
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.session.reports import Report
from voiceagent.trace.steps import StepRecord

AGENT = "voiceagent"
MAX_MESSAGE_CHARS = 16_000
MAX_TEXT_CHARS = 4_000
"""The longest message a user may type."""


class PageClient:
    """One page: sends it what happens, and carries out its requests."""

    def __init__(
        self, peer: Peer, steps_since: Callable[[float], list[StepRecord]], returning: Returning, ticket: Ticket
    ) -> None:
        self._peer = peer
        self._returning = returning
        self._ticket = ticket
        self._telemetry = Telemetry(peer, steps_since, self._send)

    def connected(self) -> None:
        """Introduce the session, and tell what was said if it goes on with an earlier one."""
        ticket, within_s = self._ticket, self._returning.within_s
        self._returning.connected(ticket, self._peer)
        resume = {"token": ticket.token, "within_s": within_s} if within_s else None
        now = asyncio.get_running_loop().time()
        resumed = ticket.past is not None
        self._send(messages.session(self._peer.session.id, AGENT, now, resume=resume, resumed=resumed))
        if resumed:
            self._send(messages.history(self._peer.session.items))
        self._telemetry.start()

    def report(self, report: Report) -> None:
        """Send the report to the page."""
        self._returning.changed(self._ticket, self._peer, report)
        if (message := messages.payload(report)) is not None:
            self._send(message)

    def user_audio(self, pcm: Pcm) -> None:
        """Show how loud the user is."""
        self._telemetry.user_audio(pcm)

    def agent_audio(self, pcm: Pcm) -> None:
        """Show how loud the agent is."""
        self._telemetry.agent_audio(pcm)

    def leave(self, reason: str) -> None:
        """Say good-bye; the user may come back."""
        self._returning.leaving(self._ticket, self._peer, reason)
        self._telemetry.close()
        self._send(messages.bye(reason))

    def receive(self, message: object) -> None:
        """Do what the page asks for, or report what it may ask for."""
        request = _parse(message)
        match request.get("type"):
            case "ping":
                self._send(messages.pong(request.get("t")))
            case "text":
                self._take_text(request.get("text"))
            case "interrupt":
                self._peer.session.stop_speaking()
            case "hangup":
                self._peer.hang_up("hangup")
            case "away":
                self._peer.hang_up("away")
            case _:
                self._refuse(
                    'Send JSON such as {"type": "text", "text": "Hello"}; types: text, ping, interrupt, away, hangup.'
                )

    def _take_text(self, text: object) -> None:
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARS:
            self._refuse(f"A text is a string of at most {MAX_TEXT_CHARS} characters.")
        else:
            self._peer.session.type(text)

    def _refuse(self, words: str) -> None:
        self._send(messages.error("bad_message", words))

    def _send(self, message: messages.Payload) -> None:
        self._peer.send(json.dumps(message, ensure_ascii=False))


def _parse(text: object) -> dict[str, Any]:
    """Return the message, or an empty one if it cannot be understood."""
    if not isinstance(text, str) or len(text) > MAX_MESSAGE_CHARS:
        return {}
    try:
        message = json_of(text)
    except BadRequestError:
        return {}
    return message if isinstance(message, dict) else {}
