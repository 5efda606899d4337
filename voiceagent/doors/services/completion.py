"""llama.cpp's /completion and /props, as far as the LLM services of the Nemotron bots use them (docs/services.md)."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.doors.host import Host
from voiceagent.doors.requests import json_object
from voiceagent.doors.services.chatml import read
from voiceagent.doors.services.replies import ModelReply, Replies
from voiceagent.engines.llm.contract import ReplyOptions
from voiceagent.errors import VoiceAgentError

UNLIMITED = 1_000_000
MOST_STOPS, LONGEST_STOP = 16, 100


class Completions:
    """The endpoints, and the replies under way."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._replies = Replies(host)

    def close(self) -> None:
        """Forget every reply."""
        self._replies.close()

    async def props(self, request: Request) -> Response:
        """Return the length of the context, and the model."""
        context = {"n_ctx": self._host.config.context_tokens}
        return JSONResponse({"default_generation_settings": context, "model_path": self._host.models["llm"]})

    async def completion(self, request: Request) -> Response:
        """Write the next part of the answer that the prompt asks for, streamed or whole."""
        body = await json_object(request)
        prompt = body.get("prompt")
        if not isinstance(prompt, str):
            raise BadRequestError("bad_prompt", '"prompt" is a text, not tokens.')
        most = _number(body, "n_predict", -1, at_least=-1, whole=True)
        stops = body.get("stop") or []
        if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(_is_stop(stop) for stop in stops):
            raise BadRequestError("bad_stop", f'"stop" is a list of up to {MOST_STOPS} short texts.')
        options = ReplyOptions(temperature=_temperature(body), max_tokens=self._host.config.context_tokens)
        reply = None
        if most != 0:
            reply = self._replies.reply(read(prompt), stops, options)
            if reply is None:
                raise BadRequestError(
                    "unknown_answer",
                    "The answer in the prompt was not begun here, or more than a minute ago, and cannot be continued:"
                    " send the prompt without it.",
                )
        limit = UNLIMITED if most < 0 else int(most)
        parts = self._parts(reply, limit)
        if body.get("stream"):
            return StreamingResponse(_events(parts), media_type="text/event-stream")
        whole = [part async for part in parts]
        return JSONResponse({**whole[-1], "content": "".join(part["content"] for part in whole)})

    async def _parts(self, reply: ModelReply | None, limit: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the part's pieces and then its end; the reply is kept for the next part."""
        count, reason = 0, "limit"
        if reply is not None:
            reader = reply.reader
            try:
                while count < limit and reply.reader == reader:
                    if not (text := await reply.next(reader)):
                        reason = reply.reason
                        break
                    count += 1
                    yield {"content": text, "stop": False}
            finally:
                self._replies.leave(reply, reader)
        yield {"content": "", "stop": True, "stop_type": reason, "tokens_predicted": count, "truncated": False}


def refuse(request: Request, error: Exception) -> Response:
    """Answer a refused request in llama.cpp's form."""
    status = error.status if isinstance(error, RequestError) else 503
    kind = "unavailable_error" if status == 503 else "invalid_request_error"
    return JSONResponse({"error": {"code": status, "message": str(error), "type": kind}}, status)


async def _events(parts: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    try:
        async for part in parts:
            yield f"data: {json.dumps(part)}\n\n"
    except VoiceAgentError as error:
        failure = {"code": 503, "message": str(error), "type": "unavailable_error"}
        yield f"data: {json.dumps({'error': failure})}\n\n"


def _is_stop(stop: object) -> bool:
    return isinstance(stop, str) and 0 < len(stop) <= LONGEST_STOP


def _temperature(body: dict[str, Any]) -> float | None:
    return None if body.get("temperature") is None else _number(body, "temperature", 0.0, at_least=0)


def _number(body: dict[str, Any], name: str, default: float, *, at_least: float, whole: bool = False) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value >= at_least:
        raise BadRequestError("bad_number", f'"{name}" is a {"whole " if whole else ""}number from {at_least:g}.')
    return float(value)
