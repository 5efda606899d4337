"""The audio buffers: what the user says goes into one, what the agent says comes out of the other."""

from typing import Annotated, Literal

from pydantic import Field

from voiceagent.doors.realtime.events.base import ClientEvent

MAX_AUDIO_CHARS = 4_000_000
"""Of one piece, in base64: a minute at 24 kHz."""


class AppendInput(ClientEvent):
    """More audio, base64 in the session's input format."""

    type: Literal["input_audio_buffer.append"]
    audio: Annotated[str, Field(max_length=MAX_AUDIO_CHARS)]


class CommitInput(ClientEvent):
    """What was heard so far is a turn."""

    type: Literal["input_audio_buffer.commit"]


class ClearInput(ClientEvent):
    """What was heard so far is to be forgotten."""

    type: Literal["input_audio_buffer.clear"]


class ClearOutput(ClientEvent):
    """What is being said is not to be heard."""

    type: Literal["output_audio_buffer.clear"]
