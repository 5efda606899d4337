"""Which lines of the log are about a role: recogniser, voice or language model."""

import json
import re
from typing import Any

FIELDS = ("engine", "lane", "role")
"""The fields of a line that name the engine it is about."""
MODULE = r"voiceagent\.engines\.{role}\b"
"""The loggers of a role's engines."""
MENTIONS = {"llm": ("llama_", "ggml_", "load_tensors", "print_info")}
"""What llama.cpp's own lines begin with."""


def is_about(role: str, line: str) -> bool:
    """Return whether a line of the log, in either format, is about a role ("asr", "tts", "llm")."""
    if line.startswith("{"):
        try:
            fields: dict[str, Any] = json.loads(line)
        except ValueError:
            return False
        named = [str(fields.get(name)) for name in FIELDS]
        lanes = fields.get("lanes")
        in_lanes = isinstance(lanes, list) and role in lanes
        return role in named or in_lanes or bool(re.match(MODULE.format(role=role), str(fields.get("logger"))))
    if line.startswith(MENTIONS.get(role, ())):
        return True
    words = rf"\b(?:{'|'.join(FIELDS)})={role}\b|\b{MODULE.format(role=role)}|\b{role}=\d"
    return bool(re.search(words, line))
