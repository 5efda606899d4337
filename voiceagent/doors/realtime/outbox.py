"""The server's events on their way to one client: each with an id of its own, in GA names or in the beta's."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from voiceagent.doors.realtime.beta import to_beta

Wire = dict[str, Any]
"""A JSON object as it is sent."""


def new_id(kind: str) -> str:
    """Return an id such as item_4f0c...; the kind is for people who read it."""
    return f"{kind}_{uuid4().hex[:20]}"


class Outbox:
    """Sends events with `send`, which gets their JSON text."""

    def __init__(self, send: Callable[[str], None], *, beta: bool) -> None:
        self._send = send
        self._beta = beta

    def emit(self, kind: str, **fields: Any) -> None:
        """Send an event of a kind, by its GA name."""
        event = {"type": kind, "event_id": new_id("event"), **fields}
        if (known := to_beta(event) if self._beta else event) is not None:
            self._send(json.dumps(known))
