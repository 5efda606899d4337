"""Signs in a reply that are not heard as they are written: entities, terminal colours, stage directions. Pure."""

import html
import re

from voiceagent.engines.llm.characters import Characters
from voiceagent.engines.llm.stage_directions import direction_at

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});")
_HALF_ENTITY = re.compile(r"&(?:#\d{0,7}|#[xX][0-9a-fA-F]{0,6}|[a-zA-Z]\w{0,31})?\Z")
_COLOUR = re.compile(r"\[\d{1,3}(?:;\d{1,3}){0,4}m")
"""A terminal's code that has lost its escape character."""
_HALF_COLOUR = re.compile(r"\[(?:\d{1,3}(?:;\d{0,3}){0,4})?\Z")

FIRST = "&*_(["
"""What signs begin with."""


def sign_at(text: str, start: int, before: str, *, final: bool) -> tuple[int, str] | None:
    """Return the length of the sign here and what is heard in its place, length 0 for text; None if more text decides.

    `before` is the character before it, and `final` means that no more text will come.
    """
    if text[start] == "&":
        if entity := _ENTITY.match(text, start):
            return len(entity[0]), Characters().feed(html.unescape(entity[0]))
        return None if not final and _HALF_ENTITY.match(text, start) else (0, "")
    if text[start] in "*_" and before.isalnum():
        return 0, ""
    if text[start] == "[":
        if colour := _COLOUR.match(text, start):
            return len(colour[0]), ""
        if not final and _HALF_COLOUR.match(text, start):
            return None
    length = direction_at(text, start, final=final)
    return None if length is None else (length, "")
