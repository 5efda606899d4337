"""Reading requests and refusing them, as all HTTP doors without a form of their own do."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voiceagent.doors.errors import BadRequestError, RequestError, TooLargeError
from voiceagent.doors.json_text import json_of
from voiceagent.errors import VoiceAgentError

MAX_BODY_BYTES = 256_000


async def body_of(request: Request, most: int = MAX_BODY_BYTES) -> bytes:
    """Return the body. Raises TooLargeError for more than `most` bytes, without reading on."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLargeError("too_large", f"The body is larger than {most} bytes.")
    return body


async def json_object(request: Request, most: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Return the body as a JSON object. Raises TooLargeError, BadRequestError."""
    value = json_of(await body_of(request, most), "body")
    if not isinstance(value, dict):
        raise BadRequestError("bad_json", "The body is not a JSON object.")
    return value


def refuse(request: Request, error: Exception) -> Response:
    """Answer a refused request."""
    assert isinstance(error, RequestError)
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return JSONResponse({"error": {"code": error.code, "message": str(error)}}, error.status, headers)


def unavailable(request: Request, error: Exception) -> Response:
    """Answer what the models or tools refuse."""
    return JSONResponse({"error": {"code": "unavailable", "message": str(error)}}, 503)


def no_such_thing(request: Request, error: Exception, *, where: str) -> Response:
    """Answer a path or method that does not exist; `where` says what there is."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}. {where}"
    return JSONResponse({"error": {"code": "http", "message": message}}, error.status_code, error.headers)


def nobody_there(request: Request, error: Exception) -> Response:
    """Answer a client that has gone in the midst of its request."""
    return Response(status_code=400)


def answering(
    endpoint: Callable[[Request], Awaitable[Response]], refusal: Callable[[Request, Exception], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint whose refusals have a form of their own."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except VoiceAgentError as error:
            return refusal(request, error)

    return answer
