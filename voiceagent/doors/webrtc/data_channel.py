"""A caller's data channel: text both ways. It does not know what the text says."""

from collections import deque
from collections.abc import Callable

from aiortc import RTCDataChannel

MAX_BACKLOG = 256
"""Messages kept for a channel that is not open yet; a client that never opens one gets none."""
MAX_UNREAD_BYTES = 1_000_000
"""What may lie unsent for a client that does not read: minutes of what a page is told. Then it is given up."""


class DataChannel:
    """One caller's messages, through however many channels; `on_message` gets each that arrives, text or bytes.

    `on_stuck` is called when the caller does not read them.
    """

    def __init__(self, on_message: Callable[[object], None], on_stuck: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_stuck = on_stuck
        self._channels: list[RTCDataChannel] = []
        self._backlog: deque[str] = deque(maxlen=MAX_BACKLOG)

    def attach(self, channel: RTCDataChannel) -> None:
        """Use a channel that the caller has opened, whatever its label; what is sent goes through the oldest."""
        self._channels.append(channel)
        channel.on("message", self._on_message)
        channel.on("close", lambda: self._channels.remove(channel))
        while self._backlog:
            self.send(self._backlog.popleft())

    def send(self, text: str) -> None:
        """Send a message; before a channel is open, messages wait for it."""
        open_ones = [channel for channel in self._channels if channel.readyState == "open"]
        if open_ones and open_ones[0].bufferedAmount > MAX_UNREAD_BYTES:
            self._on_stuck()
        elif open_ones:
            open_ones[0].send(text)
        elif not self._channels:
            self._backlog.append(text)
