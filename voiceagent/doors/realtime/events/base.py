"""The base of all that comes in: strict about types, and about fields that the protocol does not have."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_ID_CHARS = 512

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]


class Part(BaseModel):
    """A piece of an event."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ClientEvent(Part):
    """An event of the client's; `event_id` is its own name for it, which an error repeats."""

    event_id: Id | None = None
    type: str
