"""What a model thinks about a user's words while they are being spoken.

A thought is computed when there is nothing else to do, and goes on as the words grow. The reply is written after it,
whether it is over by then or not, so that nobody waits for more than reading it. It is no part of the conversation: no
later prompt has it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from voiceagent.engines.contract import HOLD, Need
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama.common import Common, Drawn
from voiceagent.engines.llm.llama.plan import Slot, StreamWork
from voiceagent.engines.llm.llama.sampler import Sampler
from voiceagent.engines.llm.llama.template import CLOSES_THOUGHT, Prompt
from voiceagent.errors import VoiceAgentError

FIRST_WORDS = 4
"""Words from which on there is something to think about."""
MORE_WORDS = 3
"""A thought is told of new words when there are as many."""
SAME_SHARE = 0.7
"""The share of the words thought about that are still among the user's, if they are the same words: recognisers change
some."""


class Thinking:
    """One stream's thoughts."""

    def __init__(self, number: int, slot: Slot, common: Common) -> None:
        self.work: StreamWork | None = None
        """What is to be computed: one more token of the thought."""
        self._number = number
        self._slot = slot
        self._common = common
        self._history: tuple[Message, ...] = ()
        self._words: list[str] = []
        """What the thought is about."""
        self._tokens: list[int] = []
        self._text = b""
        self._finished: list[int] = []
        """An earlier thought about fewer words."""

    def consider(self, messages: Sequence[Message], known: Iterable[Prompt]) -> None:
        """Think about the last message, which the user is speaking."""
        if not self._common.thinking_tokens:
            return
        words = _words(messages[-1])
        if not self._is_about(messages):
            self.forget()
            self._history = tuple(messages[:-1])
        if len(words) < max(FIRST_WORDS, len(self._words) + MORE_WORDS):
            return
        if self._words and self.work is None:
            self._finished, self._tokens, self._text = self._tokens, [], b""
        self._words = words
        self.work = self._next(tuple(messages), known)

    def about(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of the thought that a reply to these messages comes after; none if there is no thought."""
        if not self._words or not self._is_about(messages):
            return []
        return list(self._finished if self._finished and self.work is not None else self._tokens)

    def take(self, work: StreamWork, drawn: Drawn) -> None:
        """Take a token of the thought."""
        if work is not self.work:
            return
        self._text += drawn.piece
        if drawn.end or CLOSES_THOUGHT in self._text:
            self._cut_mark()
            self.work = None
            return
        self._tokens.append(drawn.token)
        work.tokens.append(drawn.token)
        if len(self._tokens) == self._common.thinking_tokens or len(work.tokens) >= self._most_tokens:
            self.work = None

    def forget(self) -> None:
        """Forget everything: another turn begins."""
        self.work, self._history, self._words = None, (), []
        self._tokens, self._text, self._finished = [], b"", []

    @property
    def _most_tokens(self) -> int:
        """The tokens of a prompt and a thought that leave room for the thought's end and the reply."""
        return self._common.session_tokens - self._common.max_tokens - len(CLOSES_THOUGHT)

    def _is_about(self, messages: Sequence[Message]) -> bool:
        """Return whether these messages end in the words thought about, or more."""
        if messages[-1].role != "user" or tuple(messages[:-1]) != self._history:
            return False
        words = set(_words(messages[-1]))
        return sum(word in words for word in self._words) >= SAME_SHARE * len(self._words)

    def _next(self, messages: tuple[Message, ...], known: Iterable[Prompt]) -> StreamWork | None:
        common = self._common
        try:
            prompt = common.template.prompt(messages, known)
        except VoiceAgentError:
            return None  # the reply's own prompt will fail in the same way, and be reported
        tokens = common.template.with_thought(prompt, self._tokens, over=False)
        if len(tokens) >= self._most_tokens:
            return None
        sampler = Sampler(common.model, replace(common.sampling, grammar=""), None, ())
        for token in self._tokens:
            sampler.accept(token)
        return StreamWork(
            stream=self._number,
            sequence=self._slot.reply,
            siblings=self._slot.but(self._slot.reply),
            shared=common.system,
            tokens=tokens,
            sampler=sampler,
            given=len(tokens),
            deadline=HOLD,
            need=Need.SPECULATIVE,
        )

    def _cut_mark(self) -> None:
        """Drop the tokens that begin the mark of the end, where it takes several."""
        text = self._text.partition(CLOSES_THOUGHT)[0]
        pieces = [self._common.model.piece(token) for token in self._tokens]
        while self._tokens and sum(map(len, pieces)) > len(text):
            self._tokens.pop()
            pieces.pop()


def _words(message: Message) -> list[str]:
    return re.findall(r"\w+", message.content.casefold())
