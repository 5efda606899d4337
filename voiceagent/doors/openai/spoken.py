"""POST /v1/audio/speech: a text in, its sound out while it is made."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from voiceagent.audio.encode import FORMATS, Encoder
from voiceagent.doors.host import Host
from voiceagent.doors.openai.errors import InvalidRequestError, explained
from voiceagent.doors.openai.models import Models
from voiceagent.doors.openai.streams import begun, events
from voiceagent.doors.requests import json_object
from voiceagent.doors.speech.speaker import FASTEST, SLOWEST, Speaker
from voiceagent.doors.speech.speech import Speech
from voiceagent.errors import VoiceAgentError

LONGEST = 4096
"""Characters of a text, as at OpenAI's."""
OPENAIS_VOICES = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()  # noqa: SIM905 - names
)
"""Names that clients have built in: the engine's own voice."""


class VoiceId(BaseModel):
    """A voice by its id."""

    id: str


class Wanted(BaseModel):
    """What a client asks for. `instructions` change nothing: the voice takes none."""

    input: str = Field(max_length=LONGEST)
    model: str | None = None
    voice: str | VoiceId | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    language: str | None = None
    """Ours: an ISO 639-1 code."""


class Speeches:
    """The endpoint."""

    def __init__(self, host: Host, models: Models) -> None:
        self._host = host
        self._models = models

    async def answer(self, request: Request) -> Response:
        """Speak a text."""
        try:
            wanted = Wanted.model_validate(await json_object(request))
        except ValidationError as error:
            raise explained(error) from error
        self._models.find("tts", wanted.model)
        speaker = Speaker(self._host)
        try:
            speech = self._speech(speaker, wanted)
            encoder = await asyncio.to_thread(Encoder, wanted.response_format, speaker.rate)
            sound = _encoded(speech, encoder, speaker.close)
            if wanted.stream_format == "sse":
                answer = await begun(request, events(_told(sound)), "text/event-stream")
            else:
                answer = await begun(request, sound, FORMATS[wanted.response_format].media_type)
            if answer is None:
                raise InvalidRequestError("There is nothing in input that could be said.", "input")
        except BaseException:
            speaker.close()
            raise
        return answer

    def _speech(self, speaker: Speaker, wanted: Wanted) -> Speech:
        voice = wanted.voice.id if isinstance(wanted.voice, VoiceId) else wanted.voice
        voices = {name.casefold() for name in self._host.abilities.voices}
        if voice is not None and voice.casefold() not in voices and voice in OPENAIS_VOICES:
            voice = None
        try:
            speech = speaker.speak(voice, wanted.language, wanted.speed)
        except VoiceAgentError as error:
            param = "voice" if voice is not None and voice.casefold() not in voices else "language"
            raise InvalidRequestError(str(error), param) from error
        speech.push(wanted.input)
        speech.finish()
        return speech


async def _encoded(speech: Speech, encoder: Encoder, close: Callable[[], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file as its sound is made; nothing where there is no sound."""
    silent = True
    try:
        async with aclosing(speech.pieces()) as pieces:
            async for piece in pieces:
                silent = silent and not len(piece.pcm)
                if data := await asyncio.to_thread(encoder.push, piece.pcm):
                    yield data
        if not silent:
            yield await asyncio.to_thread(encoder.finish)
    finally:
        close()


async def _told(sound: AsyncGenerator[bytes, None]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the events of a speech."""
    sent = False
    try:
        async for data in sound:
            sent = True
            yield {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
    finally:
        await sound.aclose()
    if sent:
        yield {"type": "speech.audio.done", "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}
