"""Responses, as clients ask for them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from voiceagent.doors.realtime.events.base import ClientEvent, Id, Part
from voiceagent.doors.realtime.events.items import Item
from voiceagent.doors.realtime.events.session import Audio, Modality, TokenLimit, Tool, ToolChoice

MAX_INPUT_ITEMS = 256


class Reference(Part):
    """An item of the conversation, by its id."""

    type: Literal["item_reference"]
    id: Id


class ResponseOptions(Part):
    """What is to be different in this one response."""

    conversation: Literal["auto", "none"] | None = None
    input: Annotated[list[Item | Reference], Field(max_length=MAX_INPUT_ITEMS)] | None = None
    instructions: str | None = None
    metadata: dict[str, str] | None = None
    output_modalities: Annotated[list[Modality], Field(min_length=1, max_length=2)] | None = None
    audio: Audio | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: TokenLimit | None = None
    prompt: dict[str, Any] | None = None
    reasoning: Any = None


class CreateResponse(ClientEvent):
    """Have the agent say something."""

    type: Literal["response.create"]
    response: ResponseOptions | None = None


class CancelResponse(ClientEvent):
    """Have it stop."""

    type: Literal["response.cancel"]
    response_id: Id | None = None
