"""What a conversation consists of, by name: the user's turns, the agent's responses, and what was added from outside.

Adjacent messages of one role are one message to the model, since chat templates want the roles to alternate. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from voiceagent.engines.llm.contract import Message

Role = Literal["user", "assistant", "system"]


@dataclass(frozen=True, slots=True)
class Item:
    """Something that was said or done, as it is remembered."""

    id: str
    messages: tuple[Message, ...]
    """A response that calls tools has several; one that is not heard yet has none."""

    @property
    def role(self) -> Role:
        """Whose it is; "system" for a note of the operator's."""
        role = self.messages[0].role if self.messages else "assistant"
        return "assistant" if role == "tool" else role

    @property
    def text(self) -> str:
        """What was said, without what tools were asked and answered."""
        return " ".join(message.content for message in self.messages if message.role != "tool" and message.content)


@dataclass(frozen=True, slots=True)
class Past:
    """What a history holds, as data."""

    items: tuple[Item, ...] = ()
    facts: tuple[str, ...] = ()
    summary: str = ""
    lost: tuple[Message, ...] = ()
    """Messages of dropped turns that are in no summary."""
    notes: int = 0
    """How many messages were added from outside."""


def turn_item(turn: int) -> str:
    """Return the name of what the user said in a turn."""
    return f"turn_{turn}"


def response_item(generation: int) -> str:
    """Return the name of a response."""
    return f"response_{generation}"


def shown(items: Iterable[Item]) -> list[Message]:
    """Return the items as the model sees them."""
    messages: list[Message] = []
    for item in items:
        for message in item.messages:
            _append(messages, _as_user(message) if message.role == "system" else message)
    return messages


def turns_of(items: Sequence[Item]) -> list[list[Item]]:
    """Split before each message of the user's; what the agent said before the first one is a turn of its own."""
    turns: list[list[Item]] = []
    last = ""
    for item in items:
        begins = item.role != "assistant"
        if not turns or (begins and last == "assistant"):
            turns.append([])
        turns[-1].append(item)
        last = item.role if item.messages else last
    return turns


def without_tools(item: Item) -> Item:
    """Return it without calls and their results."""
    said = (message for message in item.messages if message.role != "tool" and message.content)
    return replace(item, messages=tuple(replace(message, calls=()) for message in said))


def _as_user(note: Message) -> Message:
    """Return a note in the form in which the model is told of what happens: few templates know a second system role."""
    return Message("user", f"({note.content})")


def _append(messages: list[Message], message: Message) -> None:
    if messages and messages[-1].role == message.role != "tool":
        message = replace(message, content=f"{messages.pop().content} {message.content}".strip())
    messages.append(message)
