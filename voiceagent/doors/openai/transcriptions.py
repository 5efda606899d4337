"""POST /v1/audio/transcriptions: a recording in, its text out, whole or as it is recognised."""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from voiceagent.doors.host import Host
from voiceagent.doors.openai.errors import InvalidRequestError
from voiceagent.doors.openai.models import Models
from voiceagent.doors.openai.recording import Recording
from voiceagent.doors.openai.streams import begun, events, unless_gone
from voiceagent.doors.openai.transcripts import Transcript
from voiceagent.doors.openai.upload import Form, Uploads
from voiceagent.doors.speech.transcriber import Utterance

FORMS: dict[str, Callable[[Transcript], Response]] = {
    "json": lambda transcript: JSONResponse(transcript.json()),
    "text": lambda transcript: PlainTextResponse(transcript.text + "\n"),
    "verbose_json": lambda transcript: JSONResponse(transcript.verbose()),
    "srt": lambda transcript: PlainTextResponse(transcript.srt()),
    "vtt": lambda transcript: Response(transcript.vtt(), media_type="text/vtt"),
}
GRANULARITIES = frozenset({"segment", "word"})
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client asks for."""

    file: Path
    form: str
    language: str
    stream: bool
    granularities: frozenset[str]


class Transcriptions:
    """The endpoint. `prompt`, `temperature` and `chunking_strategy` change nothing: the recogniser has none."""

    def __init__(self, host: Host, models: Models, upload_mb: int, longest_s: float) -> None:
        self._host = host
        self._models = models
        self._uploads = Uploads(upload_mb * 1_000_000)
        self._longest_s = longest_s

    async def answer(self, request: Request) -> Response:
        """Transcribe an upload."""
        with ExitStack() as stack:
            form = await self._uploads.receive(request)
            stack.callback(form.close)
            wanted = self._wanted(form)
            recording = Recording(self._host, wanted.file, wanted.language, self._longest_s)
            if wanted.stream:
                answer = await begun(request, events(_streamed(recording, wanted, form.close)), "text/event-stream")
                assert answer is not None
                stack.pop_all()
                return answer
            utterances = await unless_gone(request, _all_of(recording))
        return FORMS[wanted.form](Transcript(utterances, recording.duration_s, wanted.language, wanted.granularities))

    async def translate(self, request: Request) -> Response:
        """Refuse to translate."""
        raise InvalidRequestError(
            "The recogniser does not translate: use /v1/audio/transcriptions.", code="unsupported"
        )

    def _wanted(self, form: Form) -> Wanted:
        self._models.find("asr", form.one("model"))
        for name in ("known_speaker_names", "known_speaker_references", "include"):
            if form.several(name):
                raise InvalidRequestError(f"{name} is not supported: leave it out.", name, "unsupported_parameter")
        response_format = form.one("response_format") or "json"
        if response_format not in FORMS:
            raise InvalidRequestError(f"response_format is one of {', '.join(FORMS)}.", "response_format")
        stream = _flag(form, "stream")
        if stream and response_format not in ("json", "text"):
            raise InvalidRequestError("With stream=true, response_format is json.", "response_format")
        granularities = frozenset(form.several("timestamp_granularities")) or frozenset({"segment"})
        if granularities - GRANULARITIES:
            raise InvalidRequestError("timestamp_granularities are segment and word.", "timestamp_granularities")
        _check_temperature(form.one("temperature"))
        language = self._language(form.one("language"))
        if "file" not in form.files:
            raise InvalidRequestError("Send a recording in the field `file`.", "file", "missing_required_parameter")
        return Wanted(form.files["file"], response_format, language, stream, granularities)

    def _language(self, given: str | None) -> str:
        heard = self._host.abilities.heard
        if not given:
            return self._host.config.language
        language = re.split("[-_]", given.strip().lower())[0]
        if not _LANGUAGE.fullmatch(language) or (heard and language not in heard):
            known = f"one of {', '.join(heard)}" if heard else "a code such as en"
            raise InvalidRequestError(f"The recogniser does not know the language {given!r}: give {known}.", "language")
        return language


async def _all_of(recording: Recording) -> list[Utterance]:
    async with aclosing(recording.utterances()) as utterances:
        return [utterance async for utterance in utterances]


async def _streamed(
    recording: Recording, wanted: Wanted, close: Callable[[], None]
) -> AsyncGenerator[dict[str, Any], None]:
    said: list[Utterance] = []
    async with AsyncExitStack() as stack:
        stack.callback(close)
        async for utterance in await stack.enter_async_context(aclosing(recording.utterances())):
            yield {"type": "transcript.text.delta", "delta": f"{' ' if said else ''}{utterance.text}"}
            said.append(utterance)
    whole = Transcript(said, recording.duration_s, wanted.language)
    yield {"type": "transcript.text.done", "text": whole.text, "usage": whole.usage()}


def _flag(form: Form, name: str) -> bool:
    given = (form.one(name) or "false").lower()
    if given not in ("true", "false", "1", "0"):
        raise InvalidRequestError(f"{name} is true or false.", name)
    return given in ("true", "1")


def _check_temperature(given: str | None) -> None:
    try:
        fits = given is None or 0 <= float(given) <= 1
    except ValueError:
        fits = False
    if not fits:
        raise InvalidRequestError("temperature is a number from 0 to 1.", "temperature")
