"""A prompt in ChatML, as clients of llama.cpp's /completion write it, read back into messages.

The marks are the client's; the engine writes the conversation in its own model's template.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

from voiceagent.doors.errors import BadRequestError
from voiceagent.engines.llm.contract import Message

_MESSAGE = re.compile(r"\s*<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", re.DOTALL)
_ANSWER = re.compile(r"\s*<\|im_start\|>assistant\n(?:<think>\s*</think>)?")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation, and how far its last answer is written."""

    messages: tuple[Message, ...]
    conversation: str
    """The part of the prompt that the messages come from, as it was written."""
    answer: str
    """What the assistant has said already of the answer that is asked for; "" at its beginning."""


def read(prompt: str) -> Prompt:
    """Return what a prompt says. Raises BadRequestError for any that is no conversation which waits for an answer."""
    messages: list[Message] = []
    at = 0
    while (found := _MESSAGE.match(prompt, at)) is not None:
        if found[1] not in _ROLES:
            raise BadRequestError("bad_prompt", f"The role {found[1]!r} is not known. Roles: {', '.join(_ROLES)}.")
        messages.append(Message(cast(Literal["system", "user", "assistant"], found[1]), found[2]))
        at = found.end()
    answer = _ANSWER.match(prompt, at)
    if answer is None or not messages or messages[-1].role != "user":
        raise BadRequestError(
            "bad_prompt",
            "A prompt is a conversation in ChatML whose last message is the user's, and then the answer as far as it is"
            " written: <|im_start|>user\\nHello.<|im_end|>\\n<|im_start|>assistant\\n. For others there is"
            " /v1/chat/completions.",
        )
    return Prompt(tuple(messages), prompt[:at], prompt[answer.end() :])
