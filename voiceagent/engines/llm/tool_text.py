"""Separating a model's tool calls from the words it says, in the notations that models are trained on. Pure.

- XML, Nemotron-3 and Qwen3-Coder: `<tool_call><function=NAME><parameter=KEY>VALUE</parameter></function></tool_call>`
- JSON, Hermes, Qwen 2.5 and Qwen 3: `<tool_call>{"name": NAME, "arguments": {...}}</tool_call>`

If a vocabulary does not show the tags, or there are none (Llama 3), a reply that begins with a brace is a JSON call:
speech never begins that way. Text after a call in the same reply was written without its result, so it is not shown.
Values in XML are text, whatever the tool's schema says; the code that runs the call knows the schema.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from voiceagent.engines.llm.contract import ToolCall

_TAGS = ("<tool_call>", "<function=")
"""How a call begins. Some models omit the outer tag, and some vocabularies do not show it."""
_BEGIN = re.compile(f"({'|'.join(map(re.escape, _TAGS))})")
_BRACE = re.compile(r"\s*({)")
_FUNCTION = re.compile(r"<function=([^<>]*)>(.*?)(?:</function>|(?=<function=))", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^<>]*)>\n?(.*?)\n?</parameter>", re.DOTALL)
_BLOCK = re.compile(r"<tool_call>(.*?)(?:</?tool_call>|\Z)", re.DOTALL)


class ToolText:
    """The text of one reply, while it arrives."""

    def __init__(self) -> None:
        self._held = ""
        self._written = ""
        self._spoken = False
        """Whether any word has been shown."""

    @property
    def calling(self) -> bool:
        """Whether a call has begun: no more text will be shown."""
        return bool(self._written)

    def feed(self, text: str) -> str:
        """Take more of the reply and return the part that is certainly speech; a possible tag is held back."""
        if self._written:
            self._written += text
            return ""
        text = self._held + text
        if begin := (not self._spoken and _BRACE.match(text)) or _BEGIN.search(text):
            self._held, self._written = "", text[begin.start(1) :]
            return text[: begin.start(1)]
        whole = len(text) - _unfinished_tag(text)
        self._held = text[whole:]
        self._spoken = self._spoken or bool(text[:whole].strip())
        return text[:whole]

    def finish(self) -> str:
        """Return what was held back and turned out to be text."""
        rest, self._held = self._held, ""
        return rest

    def calls(self) -> list[ToolCall]:
        """Return the calls of the whole reply, without ids; those that cannot be read are left out."""
        if functions := _FUNCTION.findall(self._written):
            return [_call(name, dict(_PARAMETER.findall(body))) for name, body in functions if name.strip()]
        blocks = _BLOCK.findall(self._written) or [self._written]
        return [call for block in blocks for value in _json_values(block) for call in _json_calls(value)]


def _json_values(text: str) -> Iterator[Any]:
    """Yield consecutive JSON values, up to the first invalid one."""
    decoder, text = json.JSONDecoder(), text.lstrip()
    while text:
        try:
            value, end = decoder.raw_decode(text)
        except (ValueError, RecursionError):
            return
        yield value
        text = text[end:].lstrip(" \t\r\n,;")


def _json_calls(value: Any) -> list[ToolCall]:
    calls = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            continue
        name, arguments = item.get("name"), item.get("arguments", item.get("parameters", {}))
        if isinstance(name, str) and name.strip() and isinstance(arguments, dict):
            calls.append(_call(name, arguments))
    return calls


def _call(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall("", name.strip(), json.dumps(arguments, ensure_ascii=False))


def _unfinished_tag(text: str) -> int:
    """Return how many characters at the end may be the beginning of a tag."""
    longest = max(map(len, _TAGS)) - 1
    ends = (text[-length:] for length in range(min(longest, len(text)), 0, -1))
    return next((len(end) for end in ends if any(tag.startswith(end) for tag in _TAGS)), 0)
