"""From messages to tokens: the chat template in the GGUF file, and the model's tokenizer.

Text that is not the operator's (from users, tools and the model) cannot forge the conversation's structure: control
tokens spelt out in it are removed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Any

from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from voiceagent.engines.llm.chat import as_functions, as_template_chat, tools_of
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.errors import VoiceAgentError

_EMPTY_THOUGHT = re.compile(r"<think>\s*</think>(\s*)\Z")
"""How a prompt ends where its model could think before the reply, and is not to."""
CLOSES_THOUGHT = b"</think>"
"""What a model writes at the end of a thought."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered conversation."""

    text: str
    tokens: list[int]


class ChatTemplate:
    """Renders conversations for one model. Raises VoiceAgentError if the model has no valid template."""

    def __init__(self, model: LlamaModel) -> None:
        if not model.template:
            raise VoiceAgentError(f"{model.path} has no chat template: choose an instruction-tuned model.")
        try:
            self._render = Jinja2ChatFormatter(model.template, eos_token=model.eos, bos_token=model.bos)
        except Exception as error:  # Jinja's errors have no common base worth importing Jinja for
            raise VoiceAgentError(f"The chat template in {model.path} is broken: {error}") from error
        self._model = model
        self._clean = lru_cache(maxsize=1024)(self._without_control_tokens)
        self._system_head = lru_cache(maxsize=16)(self._system_head_of)

    @property
    def has_thoughts(self) -> bool:
        """Whether a reply can begin with a thought (`with_thought`)."""
        return _EMPTY_THOUGHT.search(self.prompt((Message("user", "A"),)).text) is not None

    def prompt(self, messages: tuple[Message, ...], known: Iterable[Prompt] = ()) -> Prompt:
        """Return the conversation up to the start of the model's reply.

        If it continues a conversation in `known`, that one's tokens are kept: generated text may be split differently
        from the tokenizer's way, and the model's memory holds the generated tokens.
        Raises VoiceAgentError if the template rejects the messages.
        """
        chat: list[Any] = [as_template_chat(each, self._clean) for each in messages]
        tools: list[Any] | None = as_functions(tools_of(messages)) or None
        try:
            text = self._render(messages=chat, tools=tools, enable_thinking=False).prompt
        except Exception as error:  # as above; templates also raise errors of their own
            raise VoiceAgentError(f"The model's chat template rejects this conversation: {error}") from error
        for past in sorted(known, key=lambda past: len(past.text), reverse=True):
            if text.startswith(past.text):
                rest = self._model.tokenize(text[len(past.text) :])
                # Only at a control token does splitting the text never change its tokens.
                if rest and self._model.is_control(rest[0]):
                    return Prompt(text, past.tokens + rest)
        return Prompt(text, self._model.tokenize(text))

    def with_thought(self, prompt: Prompt, thought: Sequence[int], *, over: bool) -> list[int]:
        """Return the tokens of a prompt with a thought in the place of its empty one, if it has one.

        The reply comes next if the thought is `over`, or else the rest of the thought.
        """
        if (empty := _EMPTY_THOUGHT.search(prompt.text)) is None:
            return prompt.tokens
        end = self._model.tokenize(empty[0])
        before = prompt.tokens[: -len(end)]
        if prompt.tokens[-len(end) :] != end:  # the tokenizer joins the mark and what is before it
            before = self._model.tokenize(prompt.text[: empty.start()])
        opened = [*before, *self._model.tokenize("<think>\n"), *thought]
        return [*opened, *self._model.tokenize(f"\n{CLOSES_THOUGHT.decode()}{empty[1]}")] if over else opened

    def head(self, history: tuple[Message, ...], known: Iterable[Prompt] = ()) -> list[int]:
        """Return the tokens with which the conversation continues whatever the user says next; maybe none."""
        return self._shared_by((*history, Message("user", "A")), (*history, Message("user", "1")), known=tuple(known))

    def system_head(self, messages: tuple[Message, ...]) -> list[int]:
        """Return the tokens with which every conversation of this system prompt begins; maybe none."""
        return self._system_head(tuple(takewhile(lambda message: message.role == "system", messages)))

    def _system_head_of(self, system: tuple[Message, ...]) -> list[int]:
        user = Message("user", "A")
        return self._shared_by((*system, user), (*system, Message("assistant", "A"), user)) or self.head(system)

    def _shared_by(self, *chats: tuple[Message, ...], known: tuple[Prompt, ...] = ()) -> list[int]:
        try:
            one, other = (self.prompt(chat, known).tokens for chat in chats)
        except VoiceAgentError:
            return []  # what cannot be rendered cannot be prepared; `prompt` reports it
        return one[: common_prefix(one, other)]

    def _without_control_tokens(self, text: str) -> str:
        tokens = self._model.tokenize(text)
        while any(map(self._model.is_control, tokens)):
            # Again, because the rest may now spell another control token.
            kept = (self._model.piece(token) for token in tokens if not self._model.is_control(token))
            text = b"".join(kept).decode("utf-8", "replace")
            tokens = self._model.tokenize(text)
        return text


def common_prefix(one: list[int], other: list[int]) -> int:
    """Return the length of the common prefix of two token lists."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(index for index in range(length) if one[index] != other[index])
