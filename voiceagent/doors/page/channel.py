"""The data channel: JSON messages both ways (docs/protocol.md). It knows their form, not what they lead to."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCDataChannel

from voiceagent.session import messages

MAX_MESSAGE_CHARS = 16_000
MAX_TEXT_CHARS = 4_000
"""Longest message a person may type."""
MAX_BACKLOG = 256
"""Messages kept for a channel that is not open yet; a client that never opens one gets none."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What a client may ask for."""

    text: Callable[[str], None]
    interrupt: Callable[[], None]
    hangup: Callable[[], None]
    sign_of_life: Callable[[], None]
    """Called for every message, whatever it says."""


class Channel:
    """One caller's messages."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._channel: RTCDataChannel | None = None
        self._backlog: deque[str] = deque(maxlen=MAX_BACKLOG)

    @property
    def attached(self) -> bool:
        """Whether the caller has opened a channel."""
        return self._channel is not None

    def attach(self, channel: RTCDataChannel) -> None:
        """Use the channel that the caller has opened."""
        self._channel = channel
        channel.on("message", self._receive)
        for text in self._backlog:
            channel.send(text)
        self._backlog.clear()

    def send(self, message: messages.Payload) -> None:
        """Send a message; what comes before the channel is open waits for it."""
        text = json.dumps(message, ensure_ascii=False)
        if self._channel is None:
            self._backlog.append(text)
        elif self._channel.readyState == "open":
            self._channel.send(text)

    def _receive(self, text: object) -> None:
        self._requests.sign_of_life()
        message = _parse(text)
        match message.get("type"):
            case "ping":
                self.send({"type": "pong", "t": message.get("t")})
            case "text":
                self._take_text(message.get("text"))
            case "interrupt":
                self._requests.interrupt()
            case "hangup":
                self._requests.hangup()
            case _:
                self._refuse(
                    'Send JSON such as {"type": "text", "text": "Hello"}; types: text, ping, interrupt, hangup.'
                )

    def _take_text(self, text: object) -> None:
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARS:
            self._refuse(f"A text is a string of at most {MAX_TEXT_CHARS} characters.")
        else:
            self._requests.text(text)

    def _refuse(self, words: str) -> None:
        self.send(messages.error("bad_message", words))


def _parse(text: object) -> dict[str, Any]:
    """Return the message, or nothing where there is none to be understood."""
    if not isinstance(text, str) or len(text) > MAX_MESSAGE_CHARS:
        return {}
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
