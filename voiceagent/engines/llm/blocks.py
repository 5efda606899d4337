"""Blocks in a reply that are for programs: JSON, and code between fences. Pure."""

import re

_JSON = re.compile(r"\{\s{0,8}[\"'{\[}]|\[\s{0,8}\{")
_HALF_JSON = re.compile(r"[{\[]\s{0,8}\Z")
_FENCE = re.compile(r"```([\w+.-]{0,24})[ \t]{0,8}\n")
_HALF_FENCE = re.compile(r"`{1,2}|```[\w+.-]{0,24}[ \t]{0,8}")


def begins_json(text: str, start: int, *, final: bool) -> bool | None:
    """Return whether JSON begins at a bracket, and not "{name}" or "[1]"; None if more text decides."""
    if _JSON.match(text, start):
        return True
    return None if not final and _HALF_JSON.match(text, start) else False


class JsonEnd:
    """Finds the end of a JSON value that arrives in pieces."""

    def __init__(self) -> None:
        self._depth, self._quoted, self._escaped = 0, False, False

    def feed(self, text: str, start: int) -> int:
        """Read on from `start`; return where the value ends, 0 if it goes on."""
        for index in range(start, len(text)):
            char = text[index]
            if self._escaped:
                self._escaped = False
            elif self._quoted:
                self._escaped, self._quoted = char == "\\", char != '"'
            else:
                self._quoted = char == '"'
                self._depth += (char in "{[") - (char in "]}")
                if self._depth == 0:
                    return index + 1
        return 0


def fence_at(text: str, start: int, *, final: bool) -> tuple[int, str | None] | None:
    """Return the length of the fence at a backtick and the language of the code that it begins.

    The length is 0 for no fence, the language None for a fence that begins no code. None if more text decides.
    """
    if fence := _FENCE.match(text, start):
        return len(fence[0]), fence[1].lower()
    half = _HALF_FENCE.fullmatch(text, start)
    if half and not final:
        return None
    if half:
        return (len(half[0]) if len(half[0]) > 2 else 0), None
    return (3 if text.startswith("```", start) else 0), None
