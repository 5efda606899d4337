"""What OpenAI's protocol streams: a reply's text and its tool calls in pieces, each of a call that it names."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

from voiceagent.engines.llm.contract import ToolCall


def written(delta: ChoiceDelta) -> str:
    """Return the text of a piece, or of a refusal. Thoughts, which servers send apart from it, are no text."""
    content: Any = delta.content or delta.refusal or ""
    if isinstance(content, list):  # Mistral: parts, of which some are thoughts
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(str(part.get("text") or "") for part in parts)
    return content if isinstance(content, str) else ""


@dataclass(slots=True)
class _Pieces:
    id: str = ""
    name: str = ""
    arguments: str = ""


class StreamedCalls:
    """The calls of one reply, while they arrive."""

    def __init__(self) -> None:
        self._calls: list[_Pieces] = []
        self._at: dict[int | None, _Pieces] = {}

    def feed(self, deltas: Iterable[ChoiceDeltaToolCall]) -> None:
        """Take the calls' pieces of one chunk."""
        for delta in deltas:
            pieces = self._at.get(delta.index)
            # Some servers number all calls 0, or not at all: then another id begins another call.
            if pieces is None or (delta.id and pieces.id and delta.id != pieces.id):
                pieces = self._at[delta.index] = _Pieces()
                self._calls.append(pieces)
            pieces.id = pieces.id or delta.id or ""
            if delta.function is not None:
                pieces.name += delta.function.name or ""
                pieces.arguments += delta.function.arguments or ""

    def whole(self) -> tuple[ToolCall, ...]:
        """Return the calls; those whose arguments are no JSON object are left out."""
        return tuple(
            ToolCall(pieces.id, pieces.name, pieces.arguments.strip() or "{}")
            for pieces in self._calls
            if pieces.name and _is_object(pieces.arguments.strip() or "{}")
        )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
