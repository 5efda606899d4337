"""POST /v1/chat/completions: a conversation in, the model's next message out, whole or as it is written."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voiceagent.doors.host import Host
from voiceagent.doors.openai.chat_request import ChatRequest, require_possible
from voiceagent.doors.openai.errors import InvalidRequestError, explained
from voiceagent.doors.openai.models import Models
from voiceagent.doors.openai.reply import End, Reply, Retracted
from voiceagent.doors.openai.streams import DONE, begun, events, unless_gone
from voiceagent.doors.requests import json_object
from voiceagent.engines.llm.contract import Message, ReplyOptions, ToolCall
from voiceagent.errors import VoiceAgentError

MAX_BODY_BYTES = 4_000_000
SEEDS = 2**31
CHARACTERS_PER_TOKEN = 20
"""More than in any text."""


class Completions:
    """The endpoint."""

    def __init__(self, host: Host, models: Models) -> None:
        self._host = host
        self._models = models

    async def answer(self, request: Request) -> Response:
        """Let the model reply."""
        given = await json_object(request, MAX_BODY_BYTES)
        require_possible(given)
        try:
            wanted = ChatRequest.model_validate(given)
        except ValidationError as error:
            raise explained(error) from error
        model = self._models.find("llm", wanted.model)
        messages = wanted.conversation()
        prompt_tokens = self._prompt_tokens(messages)
        room = self._host.config.context_tokens - prompt_tokens
        most = min(room, wanted.most_tokens or room)
        options = ReplyOptions(wanted.temperature, most, draw=(wanted.seed or 0) % SEEDS)
        completion = Completion(model, prompt_tokens)
        reply = Reply(self._host, messages, options, wanted.stops)
        try:
            if not wanted.stream:
                return JSONResponse(await unless_gone(request, _whole(reply, completion)))
            with_usage = wanted.stream_options is not None and wanted.stream_options.include_usage
            chunks = events(_chunks(reply, completion, with_usage=with_usage), DONE)
            answer = await begun(request, chunks, "text/event-stream")
        except BaseException:
            reply.close()
            raise
        assert answer is not None
        return answer

    def _prompt_tokens(self, messages: tuple[Message, ...]) -> int:
        most = self._host.config.context_tokens
        size = sum(len(message.content) for message in messages)
        if size > most * CHARACTERS_PER_TOKEN:  # counting them would take long
            raise _too_long(f"{size} characters", most)
        try:
            tokens = self._host.count_tokens(messages)
        except VoiceAgentError as error:
            raise InvalidRequestError(str(error), "messages") from error
        if tokens >= most:
            raise _too_long(f"{tokens} tokens", most)
        return tokens


def _too_long(size: str, most: int) -> InvalidRequestError:
    words = f"The messages take {size} and the model's context has {most} tokens (llm.session_tokens): shorten them."
    return InvalidRequestError(words, "messages", "context_length_exceeded")


@dataclass(frozen=True, slots=True)
class Completion:
    """What all parts of an answer say of it."""

    model: str
    prompt_tokens: int
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def wrapped(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """Return an answer, or a chunk of one."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices, **more}

    def usage(self, end: End) -> dict[str, int]:
        """Return the tokens read and written."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": end.tokens,
            "total_tokens": self.prompt_tokens + end.tokens,
        }


async def _whole(reply: Reply, completion: Completion) -> dict[str, Any]:
    texts: list[str] = []
    end = None
    async with aclosing(reply.parts()) as parts:
        async for part in parts:
            match part:
                case End():
                    end = part
                case Retracted():
                    texts.clear()
                case _:
                    texts.append(part)
    assert end is not None
    text = "".join(texts)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text.strip() or None if end.calls else text,
        "refusal": None,
    }
    if end.calls:
        message["tool_calls"] = [_call(call) for call in end.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.reason}
    return completion.wrapped("chat.completion", [choice], usage=completion.usage(end))


async def _chunks(reply: Reply, completion: Completion, *, with_usage: bool) -> AsyncGenerator[dict[str, Any], None]:
    more: dict[str, Any] = {"usage": None} if with_usage else {}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return completion.wrapped("chat.completion.chunk", [choice], **more)

    first = True
    async with aclosing(reply.parts()) as parts:
        async for part in parts:
            if first:
                first = False
                yield chunk({"role": "assistant", "content": ""})
            if isinstance(part, str):
                yield chunk({"content": part})
            if not isinstance(part, End):
                continue
            if part.calls:
                yield chunk({"tool_calls": [{"index": n, **_call(call)} for n, call in enumerate(part.calls)]})
            yield chunk({}, part.reason)
            if with_usage:
                yield completion.wrapped("chat.completion.chunk", [], usage=completion.usage(part))


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
