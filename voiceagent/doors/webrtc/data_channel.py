"""A caller's data channel: text both ways. It does not know what the text says."""

from collections import deque
from collections.abc import Callable

from aiortc import RTCDataChannel

MAX_BACKLOG = 256
"""Messages kept for a channel that is not open yet; a client that never opens one gets none."""


class DataChannel:
    """One caller's messages; `on_message` gets each that arrives, text or bytes."""

    def __init__(self, on_message: Callable[[object], None]) -> None:
        self._on_message = on_message
        self._channel: RTCDataChannel | None = None
        self._backlog: deque[str] = deque(maxlen=MAX_BACKLOG)

    @property
    def attached(self) -> bool:
        """Whether the caller has opened a channel."""
        return self._channel is not None

    def attach(self, channel: RTCDataChannel) -> None:
        """Use the channel that the caller has opened."""
        self._channel = channel
        channel.on("message", self._on_message)
        for text in self._backlog:
            channel.send(text)
        self._backlog.clear()

    def send(self, text: str) -> None:
        """Send a message; before the channel is open, messages wait for it."""
        if self._channel is None:
            self._backlog.append(text)
        elif self._channel.readyState == "open":
            self._channel.send(text)
