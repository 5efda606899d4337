"""What a model may write at the beginning of a line that is no speech: labels of roles, headings, calls. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.marks import Kind, Mark

_OTHERS = ("User", "USER", "Human", "HUMAN")
_HEADINGS_OF_OTHERS = (*_OTHERS, "Instruction", "Input", "System")
_OWN = ("Assistant", "ASSISTANT")
_OWN_AT_FIRST = ("AI", "Bot", "Agent", "Model", "Answer", "Final Answer", "Response", "Reply")
_HEADINGS_OF_OWN = (*_OWN, "Response", "Answer")
_BARE_OTHERS, _BARE_OWN = ("<user>", "<human>", "user\n", "human\n"), ("assistant\n",)
"""Also what is left of a chat template where its tokens are not shown."""
_OPENS_THOUGHT = (
    "thought\n",
    "thoughts\n",
    "thinking\n",
    "Thought:",
    "Here is my thought process:",
    "Here's my thought process:",
    "Here are my reasoning steps:",
)
_NAMED = re.compile(r"\b(?:[Yy]ou are|[Yy]ou're|[Yy]our name is|named|called) ([A-Z][\w'-]+(?: [A-Z][\w'-]+)?)")


@dataclass(frozen=True, slots=True)
class Line:
    """The beginning of a line, and what it means."""

    text: str
    mark: Mark
    first: bool = False
    """Only before anything has been said."""


def begins_of_line(messages: Sequence[Message], tools: Sequence[str]) -> list[Line]:
    """Return what to look for in a reply to `messages`, where the agent is named and has these tools."""
    names = [name for message in messages[:1] if message.role == "system" for name in _NAMED.findall(message.content)]
    own, others = Mark(Kind.NOTHING, "label"), Mark(Kind.OTHERS, "label")
    lines = [Line(text, others) for text in (*_labels(_OTHERS), *_headings(_HEADINGS_OF_OTHERS), *_BARE_OTHERS)]
    lines += [Line(text, own) for text in (*_labels(_OWN), *_headings(_HEADINGS_OF_OWN), *_BARE_OWN)]
    lines += [Line(text, own, first=True) for text in _labels((*_OWN_AT_FIRST, *names))]
    lines += [Line(text, Mark(Kind.THOUGHT, "line"), first=True) for text in _OPENS_THOUGHT]
    # harmony where its tokens are not shown: "analysisThe user ...assistantfinalHello".
    lines += [Line(f"analysis{letter}", Mark(Kind.THOUGHT, "harmony"), first=True) for letter in ascii_uppercase]
    lines += [Line("functools[", Mark(Kind.CALL, "functools"))]
    called = [f"{before}{tool}{after}" for tool in tools for before, after in (("", "("), ("Action: ", "\n"))]
    lines += [Line(text, Mark(Kind.CALL, "call", of_template=False)) for text in called]
    return lines + ([Line("Observation:", others)] if tools else [])


def _labels(roles: Sequence[str]) -> Iterator[str]:
    for role in roles:
        yield from (f"{role}:", f"**{role}:**", f"**{role}**:", f"[{role}]:")


def _headings(roles: Sequence[str]) -> Iterator[str]:
    for role in roles:
        for level in ("#", "##", "###", "####"):
            yield from (f"{level} {role}:", f"{level} {role}\n")
