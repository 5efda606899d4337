"""What was said in a conversation, as the language model sees it.

Only what the listener heard is remembered of the agent, and what its tools did. Every call has its answer, at all
times. System prompt and facts are pinned; the oldest turns are dropped, in whole turns, when the conversation outgrows
its budget. Trimming drops down to half of it: every trim makes the model reread the rest, which adds as much reading as
is said. (With three quarters it was three times as much.)

A summary of what is about to be dropped may be given ahead (`summary.py`); it takes the turns' place when they are
dropped, so that a summary never makes the model reread anything by itself.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from voiceagent.engines.llm.contract import Message, ToolSpec
from voiceagent.errors import VoiceAgentError

TRIM_TO = 0.5
FACTS = "Keep in mind:"
EARLIER = "Earlier in this conversation:"
BEFORE = "(Before all that, this was said:)"
MOST_LOST = 100
"""Messages of dropped turns that are kept for a summary to come."""
_SPEAKERS = {"user": "User", "assistant": "You"}


def system_message(prompt: str, tools: tuple[ToolSpec, ...], facts: tuple[str, ...] = (), summary: str = "") -> Message:
    """Return the operator's prompt, followed by the pinned facts and a summary, each in a paragraph of its own."""
    kept = "\n".join((FACTS, *(f"- {fact}" for fact in facts))) if facts else ""
    earlier = f"{EARLIER} {summary}" if summary else ""
    return Message("system", "\n\n".join(part for part in (prompt, kept, earlier) if part), tools=tools)


def pinned(facts: tuple[str, ...], fact: str) -> tuple[str, ...]:
    """Return the facts with one more, or the same if it is among them. Raises VoiceAgentError for one without words."""
    fact = " ".join(fact.split())
    if not fact:
        raise VoiceAgentError("A fact without words cannot be pinned.")
    return facts if fact in facts else (*facts, fact)


def unpinned(facts: tuple[str, ...], fact: str) -> tuple[str, ...]:
    """Return the facts without one of them. Raises VoiceAgentError, listing them, for another."""
    fact = " ".join(fact.split())
    if fact not in facts:
        raise VoiceAgentError(f"{fact!r} is not pinned. Pinned: {', '.join(map(repr, facts)) or 'nothing'}.")
    return tuple(other for other in facts if other != fact)


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
        self.facts: tuple[str, ...] = ()
        """What the system message says besides the prompt, for as long as the session lasts."""
        self._prompt = system_prompt
        self._tools = tools
        self._budget = budget_tokens
        self._max_turns = max_turns
        self._count_tokens = count_tokens
        self._messages: list[Message] = []
        self._summary = ""
        """Of turns that were dropped."""
        self._ahead: tuple[str, int] | None = None
        """The next summary, and how many of the oldest turns it holds besides what the present one does."""
        self._lost: list[Message] = []
        """Dropped turns that are in no summary yet."""
        self._half_full = False
        """Whether there are as many turns, or tokens, as the next trim will drop; as of the last `trim`."""

    @property
    def _system(self) -> Message:
        return system_message(self._prompt, self._tools, self.facts, self._summary)

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
        self._prompt = system_prompt
        self._tools = tools
        self._budget = budget_tokens
        self._max_turns = max_turns

    @property
    def summary_due(self) -> bool:
        """Whether turns that the next trim will drop are in no summary yet."""
        return self._half_full and self._ahead is None

    def with_question(self, question: str, room: int) -> tuple[Message, ...] | None:
        """Return the conversation, and as the user's next words the dropped turns in no summary, and a question.

        The oldest of those turns are left out where all would take more than `room` tokens; None if that is not enough.
        """
        lost = [
            f"{_SPEAKERS[each.role]}: {each.content}" for each in self._lost if each.content and each.role in _SPEAKERS
        ]
        while True:
            messages = self.with_user("\n".join((BEFORE, *lost, question)) if lost else question)
            if self._count_tokens(messages) <= room:
                return messages
            if not lost:
                return None
            lost = lost[(len(lost) + 1) // 2 :]

    def summarise(self, summary: str) -> None:
        """Take a summary of the whole conversation so far; the next trim puts it in the place of what it drops."""
        self._ahead, self._lost = (summary, len(self._turns())), []

    def trim(self) -> bool:
        """Drop the oldest turns if the budget is exceeded; return whether anything was dropped. Call between turns."""
        turns, tokens = self._turns(), self._count_tokens(self.messages)
        keep_turns = max(1, int(self._max_turns * TRIM_TO))
        keep_tokens = int(self._budget * TRIM_TO)
        drop_turns = max(1, self._max_turns + 1 - keep_turns)
        self._half_full = len(turns) >= drop_turns or tokens >= self._budget - keep_tokens
        if len(turns) <= self._max_turns and tokens <= self._budget:
            return False
        self._half_full = False
        in_summary = self._adopt_summary(keep_tokens)
        # Halving, not turn by turn: counting takes milliseconds, and all callers' audio waits for it.
        fits = partial(self._fits, turns, keep_tokens)
        drop = bisect_left(range(len(turns) - 1), True, lo=max(0, len(turns) - keep_turns), key=fits)
        required = len(turns) - self._max_turns
        if in_summary and required <= in_summary < drop and self._fits(turns, self._budget, in_summary):
            drop = in_summary  # what no summary holds may stay while there is room
        self._lost += _flat(turns[in_summary:drop])
        del self._lost[:-MOST_LOST]
        turns = turns[drop:]
        if self._count_tokens((self._system, *_flat(turns))) > self._budget:
            turns = [_without_tools(turn) for turn in turns]  # what was said weighs more than what was looked up
        self._messages = _flat(turns)
        return True

    def _adopt_summary(self, most_tokens: int) -> int:
        """Begin to show the summary that was made ahead; return how many turns it holds. Forget one that is too long
        for prompts of at most so many tokens."""
        in_summary = 0
        if self._ahead is not None:
            (self._summary, in_summary), self._ahead = self._ahead, None
        if self._summary and self._count_tokens((self._system, Message("user", ""))) > most_tokens:
            self._summary, in_summary = "", 0
        return in_summary

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
