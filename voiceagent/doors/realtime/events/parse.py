"""From the text of a message to an event, or to what is wrong with it."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.json_text import json_of
from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.events.base import MAX_ID_CHARS, ClientEvent
from voiceagent.doors.realtime.events.buffers import AppendInput, ClearInput, ClearOutput, CommitInput
from voiceagent.doors.realtime.events.items import CreateItem, DeleteItem, RetrieveItem, TruncateItem
from voiceagent.doors.realtime.events.responses import CancelResponse, CreateResponse
from voiceagent.doors.realtime.events.session import UpdateSession

Model = TypeVar("Model", bound=BaseModel)

EVENTS: dict[str, type[ClientEvent]] = {
    str(event.model_fields["type"].annotation.__args__[0]): event  # type: ignore[union-attr]
    for event in (
        UpdateSession,
        AppendInput,
        CommitInput,
        ClearInput,
        ClearOutput,
        CreateItem,
        RetrieveItem,
        DeleteItem,
        TruncateItem,
        CreateResponse,
        CancelResponse,
    )
}
MAX_EVENT_CHARS = 4_200_000
_CODES = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}


def read_event(text: object) -> dict[str, Any]:
    """Return a message's JSON object. Raises EventError."""
    if not isinstance(text, str):
        raise EventError("invalid_event", "Send events as text: a JSON object in each message.")
    if len(text) > MAX_EVENT_CHARS:
        raise EventError("event_too_large", f"An event has at most {MAX_EVENT_CHARS:,} characters; send less at once.")
    try:
        event = json_of(text, "event")
    except BadRequestError as error:
        raise EventError("invalid_json", str(error)) from error
    if not isinstance(event, dict):
        raise EventError("invalid_event", 'An event is a JSON object such as {"type": "response.create"}.')
    return event


def id_of(event: dict[str, Any]) -> str | None:
    """Return the client's name for its event, if it has a usable one."""
    event_id = event.get("event_id")
    return event_id[:MAX_ID_CHARS] if isinstance(event_id, str) else None


def parse_event(event: dict[str, Any]) -> ClientEvent:
    """Return the event, typed. Raises EventError, which names the field."""
    kind = event.get("type")
    model = EVENTS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise EventError("invalid_value", f"There is no event {kind!r:.80}; there are {', '.join(EVENTS)}.", "type")
    return validated(model, event)


def validated(model: type[Model], value: object) -> Model:
    """Return a value as a model has it. Raises EventError, which names the field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        code = _CODES.get(first["type"], "invalid_value")
        raise EventError(code, f"{where}: {first['msg']}.", where) from error
