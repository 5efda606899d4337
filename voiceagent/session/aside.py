"""Replies of the language model apart from the conversation: text only, on streams of their own, remembered nowhere.

They neither wait for the floor nor take it, and every conversation comes first.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, LlmStream, Message, Token, ToolCalls
from voiceagent.engines.llm.reply_text import ReplyText
from voiceagent.session.config import ConversationConfig
from voiceagent.session.events import Outcome
from voiceagent.session.reports import AsideEnded, Report, Usage

log = logging.getLogger(__name__)

WITHIN_S = 10.0
"""A program waits for it, and nobody in silence."""

OpenModel = Callable[[Callable[[LlmEvent], None]], LlmStream]


class Asides:
    """One session's replies under way. `failed` gets the lane, and what the engine raised."""

    def __init__(
        self,
        open_model: OpenModel,
        count_tokens: Callable[[tuple[Message, ...]], int],
        report: Callable[[Report], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._open_model = open_model
        self._count_tokens = count_tokens
        self._report = report
        self._failed = failed
        self._under_way: dict[int, _Aside] = {}
        self._closed = False

    def begin(self, request: int, messages: tuple[Message, ...], config: ConversationConfig) -> None:
        """Have the model reply to `messages`. Raises VoiceAgentError where there is no place for it."""
        if self._closed:
            return
        aside = _Aside(messages, config, partial(self._end, request))
        stream = self._open_model(aside.take)
        self._under_way[request] = aside
        deadline = asyncio.get_running_loop().time() + WITHIN_S
        try:
            aside.begin(stream, deadline)
        except Exception as error:  # an engine that refuses
            self._end(request, Outcome.FAILED, cut=False, error=error)

    def withdraw(self, request: int) -> None:
        """End a reply, if it is under way."""
        if request in self._under_way:
            self._end(request, Outcome.INTERRUPTED, cut=False)

    def close(self) -> None:
        """End all of them; there are no others after this."""
        self._closed = True
        for request in list(self._under_way):
            self.withdraw(request)

    def _end(self, request: int, outcome: Outcome, *, cut: bool, error: Exception | None = None) -> None:
        if (aside := self._under_way.pop(request, None)) is None:
            return
        aside.close()
        if error is not None:
            self._failed("llm", error)
        usage = Usage(self._count_tokens(aside.messages), aside.tokens)
        self._report(AsideEnded(request, outcome, aside.text.strip(), cut, usage))


class _Aside:
    """One reply; `ended` gets its outcome."""

    def __init__(self, messages: tuple[Message, ...], config: ConversationConfig, ended: Callable[..., None]) -> None:
        self.messages = messages
        self.text = ""
        self.tokens = 0
        self._config = config
        self._ended = ended
        self._written = ReplyText(messages, config.stop)
        self._stream: LlmStream | None = None

    def begin(self, stream: LlmStream, deadline: float) -> None:
        self._stream = stream
        stream.generate(0, self.messages, deadline, need=Need.SPECULATIVE, options=self._config.reply_options)

    def take(self, event: LlmEvent) -> None:
        match event:
            case Token():
                self.tokens += 1
                self.text += self._written.feed(event.text)
                if self._written.over:
                    self._complete(cut=False)
            case Completed(_, reason):
                self._complete(cut=reason == "length")
            case ToolCalls():
                pass  # it was given no tools
            case StreamFailed():
                self._ended(Outcome.FAILED, cut=False, error=event.error)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _complete(self, *, cut: bool) -> None:
        self.text += self._written.finish()
        self._ended(Outcome.COMPLETED, cut=cut)
