"""The items of the conversation, as clients write them."""

from typing import Annotated, Literal

from pydantic import Field

from voiceagent.doors.realtime.events.base import ClientEvent, Id, Part

Status = Literal["in_progress", "completed", "incomplete"]


class Content(Part):
    """One part of a message. The beta names of the types are `text` and `audio`."""

    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio", "text", "audio"]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None


class Message(Part):
    """Something that was said or written."""

    type: Literal["message"]
    role: Literal["system", "user", "assistant"]
    content: list[Content] = Field(min_length=1)
    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Status | None = None


class FunctionCall(Part):
    """A call of a tool, from an earlier conversation."""

    type: Literal["function_call"]
    name: str
    arguments: str
    call_id: Id | None = None
    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Status | None = None


class FunctionCallOutput(Part):
    """What a tool that the client runs has returned."""

    type: Literal["function_call_output"]
    call_id: Id
    output: str
    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Status | None = None


Item = Annotated[Message | FunctionCall | FunctionCallOutput, Field(discriminator="type")]


class CreateItem(ClientEvent):
    """Add an item to the conversation; it makes nobody speak."""

    type: Literal["conversation.item.create"]
    item: Item
    previous_item_id: Id | None = None
    """The item that it comes after; "root": the beginning; None: the end."""


class RetrieveItem(ClientEvent):
    """Show an item as the server remembers it."""

    type: Literal["conversation.item.retrieve"]
    item_id: Id


class DeleteItem(ClientEvent):
    """Forget an item."""

    type: Literal["conversation.item.delete"]
    item_id: Id


class TruncateItem(ClientEvent):
    """The user has heard so much of what the agent said, and will hear no more of it."""

    type: Literal["conversation.item.truncate"]
    item_id: Id
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]
