"""What a client may configure of its session, as the body of `/start`, request data of an offer, or `configure`."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from voiceagent.doors.rtvi.envelope import Payload, RequestRefusedError
from voiceagent.doors.rtvi.functions import MOST, ClientFunctions
from voiceagent.session.config import ConversationConfig
from voiceagent.tools.contract import Tool

MAX_TEXT_CHARS = 20_000
"""Of a prompt or a greeting; how much a model can read is decided by its tokens."""


PRESSED = "DTMF: {keys}"
"""What the model is told of keys, as Pipecat's bots tell theirs, but for spaces between them."""
_PRESSED = re.compile(r"DTMF: [0-9A-D*#]( [0-9A-D*#])*")


def for_rtvi(config: ConversationConfig) -> ConversationConfig:
    """Return the configuration of a client that asks for nothing else."""
    return replace(config, pressed=PRESSED)


def as_shown(text: str) -> str:
    """Return what a user said or pressed as clients are shown it: keys without spaces."""
    return f"DTMF: {text[5:].replace(' ', '')}" if _PRESSED.fullmatch(text) else text


def configured(
    config: ConversationConfig, wanted: Payload, functions: ClientFunctions
) -> tuple[ConversationConfig, list[str]]:
    """Return the configuration that a client wants, and the names of what it says besides.

    What it leaves out, or gives as null, stays. Raises RequestRefusedError for a value of the wrong kind; whether the
    models have it (a voice, a language) is known when a session takes the configuration.
    """
    changes: dict[str, Any] = {}
    ignored = []
    for key, value in wanted.items():
        if key == "tools" and value is not None:
            changes["tools"] = _tools(value, functions)
        elif (read := _READERS.get(key)) is None:
            ignored.append(key)
        elif value is not None:
            changes[key] = read(key, value)
    return replace(config, **changes), ignored


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise RequestRefusedError(f"{key} is a text of at most {MAX_TEXT_CHARS} characters.")
    return value


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestRefusedError(f"{key} is a number.")
    return value


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise RequestRefusedError(f"{key} is a whole number.")
    return value


_READERS: dict[str, Callable[[str, object], Any]] = {
    "system_prompt": _text,
    "greeting": _text,
    "voice": _text,
    "language": _text,
    "temperature": _number,
    "max_tokens": _whole,
}


def _tools(value: object, functions: ClientFunctions) -> tuple[str | Tool, ...]:
    """Return the agent's tools by their names, and functions that run in the client."""
    if not isinstance(value, list) or not all(isinstance(item, str | dict) for item in value):
        raise RequestRefusedError(
            "tools is a list of names of the agent's tools, and of functions of the client's own."
        )
    if len(value) > MOST:
        raise RequestRefusedError(f"There are {len(value)} tools; a session may have {MOST}.")
    tools = tuple(item if isinstance(item, str) else functions.tool(item) for item in value)
    functions.names = {item.spec.name for item in tools if isinstance(item, Tool)}
    return tools
