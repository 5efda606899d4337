"""Errors as OpenAI's clients expect them: a status, and `{"error": {message, type, param, code}}`."""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from voiceagent.audio.pcm import AudioError
from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

_NAME = re.compile(r"(?!str$)[a-z_]+|\d+")
"""Of a parameter, or a number in a list; where a value may be one of several kinds, pydantic adds the kind's."""

Handler = Callable[[Request], Awaitable[Response]]


class InvalidRequestError(BadRequestError):
    """A parameter that cannot be had; `param` names it."""

    def __init__(self, message: str, param: str | None = None, code: str = "invalid_value") -> None:
        super().__init__(code, message)
        self.param = param


class UnknownModelError(InvalidRequestError):
    """There is no such model."""

    status = 404


def answered(handler: Handler) -> Handler:
    """Return a handler that answers errors in OpenAI's form."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except (RequestError, VoiceAgentError) as error:
            status, headers = status_of(error)
            told = log.warning if status >= 500 else log.info
            told("request refused", extra={"path": request.url.path, "status": status, "reason": str(error)})
            return JSONResponse({"error": body_of(error)}, status, headers)

    return answer


def status_of(error: Exception) -> tuple[int, dict[str, str]]:
    """Return the status of an error, and the headers that go with it."""
    if isinstance(error, RequestError):
        return error.status, {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return (400 if isinstance(error, AudioError) else 500), {}


def body_of(error: Exception) -> dict[str, Any]:
    """Return what `error` holds in an answer, or in an event of a stream."""
    status, _ = status_of(error)
    code = error.code if isinstance(error, RequestError) else "invalid_audio" if status == 400 else "model_failed"
    return {
        "message": str(error),
        "type": "server_error" if status >= 500 else "invalid_request_error",
        "param": getattr(error, "param", None),
        "code": code,
    }


def explained(error: ValidationError) -> InvalidRequestError:
    """Return a mistake in a request's parameters: of what a value may be, that which it comes closest to."""
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    closest = max(reversed(mistakes), key=lambda mistake: (len(mistake["loc"]), mistake["type"] != "missing"))
    param = ".".join(str(part) for part in closest["loc"] if _NAME.fullmatch(str(part)))
    code = "missing_required_parameter" if closest["type"] == "missing" else "invalid_value"
    words = closest["msg"].removeprefix("Value error, ")
    return InvalidRequestError(f"{param}: {words}." if param else f"{words}.", param or None, code)
