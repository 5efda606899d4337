"""Replies from a server that speaks OpenAI's chat-completions protocol: vLLM, llama.cpp, SGLang, or OpenAI itself.

Its steps run on another machine, so this engine offers none to the scheduler: each reply is a task on the event loop
that reads a stream. Otherwise the contract holds. HOLD stops the reading (TCP slows the server down, which stays a bit
ahead), and a dropped reply closes its stream, which ends the work at the server.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

from voiceagent.engines.contract import HOLD, Need, StreamFailed
from voiceagent.engines.llm.chat import as_chat, as_functions, tools_of
from voiceagent.engines.llm.contract import ENGINES_OWN, Completed, LlmEvent, Message, ReplyOptions, Token, ToolCalls
from voiceagent.engines.llm.openai.deltas import StreamedCalls, written
from voiceagent.engines.queue import QueueEngine
from voiceagent.errors import VoiceAgentError
from voiceagent.trace.about import about_nobody

NO_KEY = "none"
"""Sent if no key is set: local servers need none, but the client requires one."""
BYTES_PER_TOKEN = 3
MESSAGE_TOKENS = 4
"""A conservative estimate: today's vocabularies take four bytes of English per token, two or three of other text."""


class OpenAiEngine(QueueEngine):
    """A model at `base_url`, named `model` there; the key is in the environment variable `key_variable`.

    The server may take `timeout_s` to begin a reply, `retries` included, and between two pieces of it. `sampling` is
    sent as it is; `template_arguments` goes to the chat template (`chat_template_kwargs`) unless empty.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key_variable: str,
        timeout_s: float,
        retries: int,
        sampling: Mapping[str, float],
        template_arguments: Mapping[str, object],
    ) -> None:
        super().__init__("llm")
        self.timeout_s = timeout_s
        self.name = f"The language model server at {base_url}"
        self._key_variable = key_variable
        self._connection: dict[str, Any] = {
            "base_url": base_url,
            "api_key": os.environ.get(key_variable) or NO_KEY,
            "timeout": timeout_s,
            "max_retries": retries,
        }
        self._client = openai.AsyncOpenAI(**self._connection)
        self._keeper: asyncio.Task[None] | None = None
        self._request: dict[str, Any] = {"model": model, "stream": True, **sampling}
        if template_arguments:
            self._request["extra_body"] = {"chat_template_kwargs": dict(template_arguments)}

    def load(self) -> None:
        """Ask the server for its models. Raises VoiceAgentError when it cannot be reached or refuses the key."""
        with openai.OpenAI(**self._connection) as client:
            try:
                client.models.list()
            except (openai.APIConnectionError, openai.AuthenticationError, openai.PermissionDeniedError) as error:
                raise self.explained(error) from error
            except openai.OpenAIError:
                pass  # not every server has the list; the first reply will show it

    def open(self, on_event: Callable[[LlmEvent], None]) -> "OpenAiStream":
        """Start a conversation."""
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep_connections(), context=about_nobody())
        return OpenAiStream(self, next(self._stream_ids), on_event)

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Estimate the tokens of a conversation: the server's tokenizer is not available here."""
        texts = [message.content for message in messages]
        texts += [call.name + call.arguments for message in messages for call in message.calls]
        texts += [tool.description + tool.parameters for tool in tools_of(messages)]
        size = sum(len(text.encode("utf-8", "replace")) for text in texts)
        return size // BYTES_PER_TOKEN + MESSAGE_TOKENS * len(messages)

    async def chunks(
        self, messages: tuple[Message, ...], options: ReplyOptions
    ) -> "openai.AsyncStream[ChatCompletionChunk]":
        """Request a reply and return its stream."""
        chosen = {"temperature": options.temperature, "max_tokens": options.max_tokens, "seed": options.draw or None}
        given = {name: value for name, value in chosen.items() if value is not None}
        request = self._request | given | {"messages": [as_chat(message) for message in messages]}
        if functions := as_functions(tools_of(messages)):
            request["tools"] = functions
        stream: Any = await self._client.chat.completions.create(**request)
        return stream  # type: ignore[no-any-return]

    def explained(self, error: Exception) -> VoiceAgentError:
        """Return an error that says what to do."""
        match error:
            case VoiceAgentError():
                return error
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                why = f"refuses the key: put the right one into the environment variable {self._key_variable}"
            case openai.RateLimitError():
                why = f"refuses more requests (a rate limit, or no credit left): {error}"
            case openai.APIStatusError():
                why = f"answers with status {error.status_code}: {error}"
            case TimeoutError() | openai.APITimeoutError():
                why = f"sent nothing for {self.timeout_s:g} s: check why, or raise llm.timeout_s"
            case openai.APIConnectionError():
                why = f"cannot be reached ({error.__cause__ or error}): start it, or correct llm.base_url"
            case _:
                why = f"broke off: {error or type(error).__name__}"
        return VoiceAgentError(f"{self.name} {why}")

    def close(self) -> None:
        """Close the connections."""
        super().close()
        if self._keeper is not None:
            self._keeper.cancel()

    async def _keep_connections(self) -> None:
        """Hold the connections until cancelled: only a task can close them."""
        async with self._client:
            await asyncio.Event().wait()


class OpenAiStream:
    """One session's conversation."""

    def __init__(self, engine: OpenAiEngine, number: int, on_event: Callable[[LlmEvent], None]) -> None:
        self.number = number
        self._engine = engine
        self._on_event = on_event
        self._generation: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._go = asyncio.Event()
        """Not set while the reply is on hold."""

    def prepare(self, messages: tuple[Message, ...]) -> None:
        """Do nothing: servers cache prompts by themselves, and offer no way to prefill one."""

    def generate(
        self,
        generation: int,
        messages: tuple[Message, ...],
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        options: ReplyOptions = ENGINES_OWN,
    ) -> None:
        """Reply to `messages`. Replaces a reply under way."""
        self._drop()
        self._generation = generation
        self.reschedule(generation, deadline)
        self._task = asyncio.get_running_loop().create_task(self._reply(generation, messages, options))

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Continue reading, or pause until the next call (HOLD)."""
        if generation != self._generation:
            return
        if deadline == HOLD:
            self._go.clear()
        else:
            self._go.set()

    def cancel(self, generation: int) -> None:
        """Drop the reply."""
        if generation == self._generation:
            self._drop()

    def close(self) -> None:
        """End the stream."""
        self._drop()

    def _drop(self) -> None:
        self._generation = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _reply(self, generation: int, messages: tuple[Message, ...], options: ReplyOptions) -> None:
        try:
            await self._read(generation, messages, options)
        except Exception as error:  # of HTTP, of JSON, of the client: all end the same way
            self._send(StreamFailed(generation, self._engine.explained(error)))

    async def _read(self, generation: int, messages: tuple[Message, ...], options: ReplyOptions) -> None:
        calls, reason = StreamedCalls(), None
        clock, wait_s = asyncio.get_running_loop().time, self._engine.timeout_s
        async with asyncio.timeout(wait_s) as limit, await self._engine.chunks(messages, options) as chunks:
            async for chunk in chunks:
                limit.reschedule(None)
                await self._go.wait()
                if not chunk.choices:
                    continue
                choice = chunk.choices[0]
                calls.feed(choice.delta.tool_calls or ())
                if text := written(choice.delta):
                    self._send(Token(generation, text))
                reason = choice.finish_reason or reason
                limit.reschedule(clock() + wait_s)
        if reason is None:
            raise VoiceAgentError(f"{self._engine.name} ended a reply before it was complete")
        if called := calls.whole():
            self._send(ToolCalls(generation, called))
        self._send(Completed(generation, "length" if reason == "length" else "stop"))

    def _send(self, event: LlmEvent) -> None:
        """Send an event to the owner, who may drop or replace the reply on any event."""
        if self._task is asyncio.current_task():
            self._on_event(event)
