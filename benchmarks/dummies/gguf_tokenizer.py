"""Tokenizers for dummy language models: single bytes, or the byte-pair encoding of a real GGUF file.

A tokenizer here is the metadata that a GGUF file describes it by. The chat's control tokens are always among the
tokens, and nothing else that could end a reply.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFReader, TokenType

from voiceagent.errors import VoiceAgentError

CONTROL = ("<|im_start|>", "<|im_end|>")
MARKS = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
"""Written as one token each, but part of what the model says."""

CHATML = (
    "{%- if tools %}{{ '<|im_start|>system\\n' }}"
    "{%- if messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}"
    "{{- '# Tools\\n' }}{% for tool in tools %}{{ tool | tojson }}{{ '\\n' }}{% endfor %}{{ '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in messages %}"
    "{%- if message.role == 'tool' %}"
    "{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- elif not (tools and loop.first and message.role == 'system') %}"
    "{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}"
    "{%- for call in message.tool_calls or [] %}"
    "{{- '<tool_call>\\n<function=' + call.function.name + '>\\n' }}"
    "{%- for name, value in call.function.arguments | items %}"
    "{{- '<parameter=' + name + '>\\n' + (value if value is string else value | tojson) + '\\n</parameter>\\n' }}"
    "{%- endfor %}{{ '</function>\\n</tool_call>' }}"
    "{%- endfor %}{{ '<|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""A chat template in Jinja: ChatML, with tools and their calls written as Nemotron-3 does."""

PRINTABLE = 94
"""Of the tokens of `byte_tokens`, these first ones are printable ASCII."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A tokenizer for a dummy model."""

    metadata: dict[str, Any]
    said: int
    """How many of its first tokens the model may say: text, and nothing that ends a reply."""


def byte_tokens(*merged: str) -> list[str]:
    """Return tokens: GPT-2's printable stand-ins for the 256 bytes, then `merged`, then the special ones."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return [*map(chr, plain), *(chr(256 + index) for index in range(len(others))), *merged, *CONTROL, *MARKS]


def byte_tokenizer(at_least: int) -> Tokenizer:
    """Return a tokenizer of single bytes and three merges, enough to be a real one, padded to a number of tokens."""
    tokens = byte_tokens("he", "ll", "hell")
    return Tokenizer(_metadata(tokens + _padding(len(tokens), at_least), ["h e", "l l", "he ll"]), PRINTABLE)


def copied_tokenizer(path: Path, at_least: int) -> Tokenizer:
    """Return the tokenizer of a GGUF file, its own special tokens replaced by ours, padded to a number of tokens.

    Raises VoiceAgentError when its tokenizer is not a byte-pair encoding.
    """
    fields = GGUFReader(path).fields

    def read(key: str) -> Any:
        field = fields.get(f"tokenizer.ggml.{key}")
        return None if field is None else field.contents()

    if read("model") != "gpt2":
        raise VoiceAgentError(f"{path} has no byte-pair tokenizer to copy: name another GGUF file.")
    kinds = read("token_type")
    words = [word for word, kind in zip(read("tokens"), kinds, strict=True) if kind == TokenType.NORMAL]
    known = set(words)
    merges = [merge for merge in read("merges") if merge.replace(" ", "", 1) in known]
    tokens = [*words, *CONTROL, *MARKS]
    tokens += _padding(len(tokens), max(at_least, -(-len(tokens) // 32) * 32))
    return Tokenizer(_metadata(tokens, merges, pre=read("pre")), len(words))


def _padding(count: int, at_least: int) -> list[str]:
    return [f"[PAD{number}]" for number in range(count, at_least)]


def _metadata(tokens: list[str], merges: list[str], pre: str = "smollm") -> dict[str, Any]:
    special = tokens.index(CONTROL[0])
    kinds = [TokenType.NORMAL] * special + [TokenType.CONTROL] * len(CONTROL) + [TokenType.USER_DEFINED] * len(MARKS)
    kinds += [TokenType.UNUSED] * (len(tokens) - len(kinds))
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": list(map(int, kinds)),
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.eos_token_id": tokens.index(CONTROL[1]),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHATML,
    }
