"""Reading a reply as a session does, in pieces of any size."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from voiceagent.engines.llm.contract import Message, ToolSpec
from voiceagent.engines.llm.reply_text import ReplyText

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
WEATHER = ToolSpec("get_weather", "Look up the weather.", json.dumps(SCHEMA))
NOW = ToolSpec("now", "Tell the time.", '{"type": "object", "properties": {}}')
ASKED = (Message("system", "You are Ada, a friendly voice.", tools=(WEATHER, NOW)), Message("user", "Hello?"))
WITHOUT_TOOLS = (Message("system", "You are a friendly voice."), Message("user", "Hello?"))


@dataclass(frozen=True)
class Heard:
    """What was made of a reply."""

    text: str
    over: bool
    calls: tuple[tuple[str, dict[str, object]], ...]


def heard(pieces: str | Iterable[str], messages: tuple[Message, ...] = ASKED, stops: tuple[str, ...] = ()) -> Heard:
    reply, text = ReplyText(messages, stops), ""
    for piece in (pieces,) if isinstance(pieces, str) else pieces:
        more = reply.feed(piece)
        text = more if reply.retracted else text + more
        reply.retracted = False
    more = reply.finish()
    text = more if reply.retracted else text + more
    return Heard(text, reply.over, tuple((call.name, json.loads(call.arguments)) for call in reply.calls()))


def in_pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def cut(text: str, at: list[int]) -> list[str]:
    bounds = [0, *sorted(place % (len(text) + 1) for place in at), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def said(text: str, messages: tuple[Message, ...] = ASKED) -> str:
    """Return what is heard of a reply, however it is cut."""
    whole = heard(text, messages)
    assert heard(in_pieces(text, 1), messages) == whole
    assert heard(in_pieces(text, 3), messages) == whole
    return whole.text
