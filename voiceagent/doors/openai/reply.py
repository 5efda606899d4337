"""One reply of a lent language model, as its reader sees it: text as it is written, then calls and why it ended."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Literal
from uuid import uuid4

from voiceagent.doors.host import Host
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, ReplyOptions, Token, ToolCall, ToolCalls
from voiceagent.engines.llm.written_text import WrittenText
from voiceagent.errors import VoiceAgentError

GENERATION = 1

Reason = Literal["stop", "length", "tool_calls"]


class ModelError(VoiceAgentError):
    """The language model failed."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a reply."""

    calls: tuple[ToolCall, ...]
    reason: Reason
    tokens: int
    """Tokens that the model wrote, thoughts included."""


@dataclass(frozen=True, slots=True)
class Retracted:
    """All text that came was a thought, of a model that marks only where one ends."""


class Reply:
    """A reply to `messages`; it ends where one of `stops` comes. Raises UnavailableError when no model can be lent."""

    def __init__(
        self, host: Host, messages: tuple[Message, ...], options: ReplyOptions, stops: tuple[str, ...]
    ) -> None:
        self._messages = messages
        self._options = options
        self._text = WrittenText(messages, stops)
        self._events: deque[LlmEvent] = deque()
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._stream = host.open_model(self._on_event)

    async def parts(self) -> AsyncGenerator[str | Retracted | End, None]:
        """Yield texts, then the end. Raises ModelError. Close it early to stop the model."""
        calls: list[ToolCall] = []
        tokens = 0
        reason: Reason = "stop"
        now = self._loop.time()
        try:
            self._stream.generate(GENERATION, self._messages, now, need=Need.BACKGROUND, options=self._options)
            while not self._text.over:
                match await self._next():
                    case Token(_, text):
                        tokens += 1
                        self._stream.reschedule(GENERATION, self._loop.time(), need=Need.BACKGROUND)
                        more = self._text.feed(text)
                        if self._text.retracted:
                            self._text.retracted = False
                            yield Retracted()
                        if more:
                            yield more
                    case ToolCalls(_, called):
                        calls += called
                    case Completed(_, why):
                        reason = why
                        break
                    case StreamFailed(_, error):
                        raise ModelError(f"The language model failed: {error}") from error
        finally:
            self._stream.close()
        if rest := self._text.finish():
            yield rest
        calls += self._text.calls()
        named = tuple(replace(call, id=call.id or f"call_{uuid4().hex}") for call in calls)
        yield End(named, "tool_calls" if named else reason, tokens)

    def close(self) -> None:
        """Give the model back. Safe to call twice."""
        self._stream.close()

    async def _next(self) -> LlmEvent:
        while not self._events:
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    def _on_event(self, event: LlmEvent) -> None:
        self._events.append(event)
        self._news.set()
