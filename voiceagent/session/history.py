"""What was said in a conversation, as the language model sees it.

Only what the listener heard is remembered of the agent, and what its tools did. Every call has its answer, at all
times. The system prompt is pinned; the oldest turns are dropped, in
whole turns, when the conversation outgrows its budget. Trimming drops down to half of it: every trim makes the model
reread the rest, which adds as much reading as is said. (With three quarters it was three times as much.)
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from voiceagent.engines.llm.contract import Message, ToolSpec

TRIM_TO = 0.5


class History:
    """The messages of one session."""

    def __init__(
        self,
        system_prompt: str,
        budget_tokens: int,
        max_turns: int,
        count_tokens: Callable[[tuple[Message, ...]], int],
        tools: tuple[ToolSpec, ...] = (),
    ) -> None:
        self._system = Message("system", system_prompt, tools=tools)
        self._budget = budget_tokens
        self._max_turns = max_turns
        self._count_tokens = count_tokens
        self._messages: list[Message] = []

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far, the system prompt first."""
        return (self._system, *self._messages)

    def with_user(self, text: str) -> tuple[Message, ...]:
        """Return the conversation as it would be if the user had said this."""
        messages = list(self._messages)
        _append(messages, Message("user", text))
        return (self._system, *messages)

    def add_user(self, text: str) -> None:
        """Remember what the user said. What follows an unheard reply continues the same message."""
        _append(self._messages, Message("user", text))

    def add_agent(self, messages: Iterable[Message]) -> None:
        """Remember what was heard of the agent, its calls of tools, and their results."""
        for message in messages:
            _append(self._messages, message)

    def answer(self, call_id: str, result: str) -> None:
        """Replace a call's first answer with its late result, if that answer is still remembered."""
        self._messages = [
            replace(message, content=result) if message.call_id == call_id else message for message in self._messages
        ]

    def mark(self) -> tuple[Message, ...]:
        """Return what `revise` needs to know of the history as it is now."""
        return tuple(self._messages)

    def revise(
        self, before: tuple[Message, ...], after: tuple[Message, ...], messages: Iterable[Message]
    ) -> tuple[Message, ...] | None:
        """Replace the agent's messages between two marks; return the new second mark.

        Returns None, and changes nothing, if what was added later has become one with them, or they were dropped.
        """
        now = tuple(self._messages)
        if now[: len(after)] != after:
            return None
        self._messages = list(before)
        self.add_agent(messages)
        mark = self.mark()
        for message in now[len(after) :]:
            _append(self._messages, message)
        return mark

    def configure(self, system_prompt: str, budget_tokens: int, max_turns: int, tools: tuple[ToolSpec, ...]) -> None:
        """Go on with another prompt, tools and limits; what was said stays. Call between turns."""
        self._system = Message("system", system_prompt, tools=tools)
        self._budget = budget_tokens
        self._max_turns = max_turns

    def trim(self) -> bool:
        """Drop the oldest turns if the budget is exceeded; return whether anything was dropped. Call between turns."""
        turns = self._turns()
        if len(turns) <= self._max_turns and self._count_tokens(self.messages) <= self._budget:
            return False
        keep_turns = max(1, int(self._max_turns * TRIM_TO))
        keep_tokens = int(self._budget * TRIM_TO)
        turns = turns[-keep_turns:]
        # Halving, not turn by turn: counting takes milliseconds, and all callers' audio waits for it.
        fits = partial(self._fits, turns, keep_tokens)
        turns = turns[bisect_left(range(len(turns) - 1), True, key=fits) :]
        if self._count_tokens((self._system, *_flat(turns))) > self._budget:
            turns = [_without_tools(turn) for turn in turns]  # what was said weighs more than what was looked up
        self._messages = _flat(turns)
        return True

    def _fits(self, turns: list[list[Message]], tokens: int, dropped: int) -> bool:
        return self._count_tokens((self._system, *_flat(turns[dropped:]))) <= tokens

    def _turns(self) -> list[list[Message]]:
        """Split before each user message; what the agent said before the first one is a turn of its own."""
        turns: list[list[Message]] = []
        for message in self._messages:
            if message.role == "user" or not turns:
                turns.append([])
            turns[-1].append(message)
        return turns


def _append(messages: list[Message], message: Message) -> None:
    """Chat templates want the roles to alternate: a second message of the same role goes on with the first."""
    if messages and messages[-1].role == message.role != "tool":
        message = replace(message, content=f"{messages.pop().content} {message.content}".strip())
    messages.append(message)


def _without_tools(turn: list[Message]) -> list[Message]:
    kept: list[Message] = []
    for message in turn:
        if message.role != "tool" and message.content:
            _append(kept, replace(message, calls=()))
    return kept


def _flat(turns: list[list[Message]]) -> list[Message]:
    return [message for turn in turns for message in turn]
