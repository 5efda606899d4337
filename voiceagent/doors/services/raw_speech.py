"""The TTS service's HTTP: a text as raw audio in one answer, and what voices there are.

Only on a port of its own (`services.tts_port`): on the server's, /v1/audio/speech is OpenAI's. Errors have the form of
FastAPI, as the clients know it.
"""

from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voiceagent.audio.wav import wav_header
from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.doors.host import Host
from voiceagent.doors.requests import json_object
from voiceagent.doors.services.synthesis import MAX_TEXT_CHARS
from voiceagent.doors.services.voice import audio_of, languages, style_of, voices
from voiceagent.doors.speech.speaker import Speaker
from voiceagent.errors import VoiceAgentError

FORMATS = ("pcm", "wav")


async def config(host: Host, rate: int) -> Response:
    """Return the form of the audio, and the voices and languages."""
    return JSONResponse({**_form(rate), "voices": voices(host), "languages": languages(host)})


async def speech(request: Request, host: Host, rate: int) -> Response:
    """Return a text's audio, whole: 16-bit mono, raw or as a WAV file. Raises RequestError and VoiceAgentError."""
    body = await json_object(request)
    text, kind = body.get("input"), body.get("response_format", "pcm")
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT_CHARS:
        raise BadRequestError("bad_input", f'"input" is a text of at most {MAX_TEXT_CHARS} characters, and not empty.')
    if kind not in FORMATS:
        raise BadRequestError("bad_format", f'"response_format" is one of {", ".join(FORMATS)}.')
    try:
        style = style_of(host, body.get("voice"), body.get("language"))
    except VoiceAgentError as error:
        raise BadRequestError("bad_voice", str(error)) from error
    speaker = Speaker(host, live=True)
    try:
        async with aclosing(audio_of(text, style, speaker, rate)) as pieces:
            pcm = b"".join([audio async for audio in pieces])
    finally:
        speaker.close()
    headers = {
        "X-Sample-Rate": str(rate),
        "X-Channels": "1",
        "X-Encoding": "pcm_s16le",
        "X-Duration-Ms": str(len(pcm) * 1000 // (2 * rate)),
    }
    head = wav_header(rate, data_bytes=len(pcm)) if kind == "wav" else b""
    return Response(head + pcm, media_type=f"audio/{kind}", headers=headers)


def refuse(request: Request, error: Exception) -> Response:
    """Answer a refused request."""
    status = error.status if isinstance(error, RequestError) else 503
    return JSONResponse({"detail": str(error)}, status)


def _form(rate: int) -> dict[str, Any]:
    return {"sample_rate": rate, "channels": 1, "encoding": "pcm_s16le"}
