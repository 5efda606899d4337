"""Errors as the Realtime protocol tells them: an event that names the client's own, or a body with a status."""

from typing import Any

from voiceagent.doors.errors import RequestError
from voiceagent.errors import VoiceAgentError

INVALID = "invalid_request_error"


class EventError(VoiceAgentError):
    """A client's event that cannot be carried out; the message says what would work. Nothing changes."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


def error_of(error: VoiceAgentError, event_id: str | None = None) -> dict[str, Any]:
    """Return the `error` of an event: `event_id` is the client's event that caused it."""
    code = error.code if isinstance(error, EventError | RequestError) else "invalid_value"
    param = error.param if isinstance(error, EventError) else None
    return {"type": INVALID, "code": code, "message": str(error), "param": param, "event_id": event_id}
