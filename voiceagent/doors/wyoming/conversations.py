"""What was said in conversations by text, by their ids: Home Assistant makes a new connection for every sentence."""

import asyncio
from collections import OrderedDict

from voiceagent.engines.llm.contract import Message

MOST = 64
"""Conversations that are remembered; the one not heard of for longest makes room."""
LASTS_S = 600.0
"""Home Assistant itself begins another one after five minutes."""
CHARS_PER_TOKEN = 3
"""Fewer than of any language here, so that a conversation fits the model's context."""


class Conversations:
    """The turns of each conversation, oldest first."""

    def __init__(self, most_turns: int, budget_tokens: int) -> None:
        self._most_turns = most_turns
        self._budget_chars = budget_tokens * CHARS_PER_TOKEN
        self._turns: OrderedDict[str, list[tuple[Message, Message]]] = OrderedDict()
        self._at: dict[str, float] = {}

    def messages(self, conversation: str, prompt: str, text: str) -> tuple[Message, ...]:
        """Return what the model is given for the user's next words: as many turns as there is room for."""
        self._forget_old()
        last = Message("user", text)
        room = self._budget_chars - len(prompt) - len(text)
        kept: list[Message] = []
        for turn in reversed(self._turns.get(conversation, [])):
            room -= sum(len(message.content) for message in turn)
            if room < 0:
                break
            kept[:0] = turn
        return (Message("system", prompt), *kept, last)

    def add(self, conversation: str, text: str, reply: str) -> None:
        """Remember a turn."""
        turns = self._turns.setdefault(conversation, [])
        turns.append((Message("user", text), Message("assistant", reply)))
        del turns[: max(0, len(turns) - self._most_turns)]
        self._turns.move_to_end(conversation)
        self._at[conversation] = asyncio.get_running_loop().time()
        self._forget_old()

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._turns and (len(self._turns) > MOST or now - self._at[next(iter(self._turns))] > LASTS_S):
            oldest, _ = self._turns.popitem(last=False)
            del self._at[oldest]
