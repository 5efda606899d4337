"""The models by name: ours, and OpenAI's own names, which stand for what is here."""

import re
import time
from collections.abc import Mapping
from typing import Any, Literal

from voiceagent.doors.openai.errors import UnknownModelError

Kind = Literal["asr", "llm", "tts"]

_OPENAIS: Mapping[Kind, re.Pattern[str]] = {
    "asr": re.compile(r"whisper-1|gpt-4o(-mini)?-transcribe([-\w]*)"),
    "tts": re.compile(r"tts-1(-hd)?([-\w]*)|gpt-4o-mini-tts([-\w]*)"),
    "llm": re.compile(r"(chatgpt-|gpt-)[\w.-]+|o\d[\w.-]*"),
}
"""Names that clients have built in."""


class Models:
    """The names under which a host's models can be had."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._created = int(time.time())

    def find(self, kind: Kind, wanted: str | None) -> str:
        """Return the name of the model of a kind, if `wanted` (None: whichever) means it.

        Raises UnknownModelError for another model.
        """
        if (name := self._names.get(kind)) is None:
            raise UnknownModelError(f"This server runs without one: {kind}.engine is none.", "model", "model_not_found")
        if wanted is None or wanted == name or _OPENAIS[kind].fullmatch(wanted):
            return name
        raise UnknownModelError(f"There is no model {wanted!r} here. Use {name!r}.", "model", "model_not_found")

    def list(self) -> list[dict[str, Any]]:
        """Describe all models, each name once."""
        return [self._described(name) for name in dict.fromkeys(self._names.values())]

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a model. Raises UnknownModelError."""
        if name not in self._names.values():
            known = ", ".join(dict.fromkeys(self._names.values()))
            raise UnknownModelError(f"There is no model {name!r} here, but {known}.", "model", "model_not_found")
        return self._described(name)

    def _described(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": "voiceagent"}
