"""Tool calls as OpenAI's protocol streams them: in pieces, each of which names the call it belongs to."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from voiceagent.engines.llm.contract import ToolCall


@dataclass(slots=True)
class _Pieces:
    id: str = ""
    name: str = ""
    arguments: str = ""


class StreamedCalls:
    """The calls of one reply, while they arrive."""

    def __init__(self) -> None:
        self._calls: dict[int, _Pieces] = {}

    def feed(self, deltas: Iterable[ChoiceDeltaToolCall]) -> None:
        """Take the calls' pieces of one chunk."""
        for delta in deltas:
            pieces = self._calls.setdefault(delta.index, _Pieces())
            pieces.id = pieces.id or delta.id or ""
            if delta.function is not None:
                pieces.name += delta.function.name or ""
                pieces.arguments += delta.function.arguments or ""

    def whole(self) -> tuple[ToolCall, ...]:
        """Return the calls; those whose arguments are no JSON object are left out."""
        return tuple(
            ToolCall(pieces.id, pieces.name, pieces.arguments.strip() or "{}")
            for pieces in self._calls.values()
            if pieces.name and _is_object(pieces.arguments.strip() or "{}")
        )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
