"""Reading the tool calls in a model's text, in the notations that models are trained on. Pure.

- XML (Nemotron 3, Qwen3-Coder, Seed): `<function=NAME><parameter=KEY>VALUE</parameter></function>`, `<invoke name=...>`
- XML (GLM): `<tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value></tool_call>`
- JSON (Hermes, Qwen, Llama 3, Nemotron Nano, ...): `{"name": NAME, "arguments": {...}}` and relatives, tagged or not
- a name, then JSON (Llama 3, Mistral, DeepSeek, Kimi, harmony): `<function=NAME>{...}`, `NAME[ARGS]{...}`, ...
- ReAct: `Action: NAME`, `Action Input: {...}`
- Gemma: `call:NAME{KEY:<escape>VALUE<escape>}`
- Python (Llama 4, LFM, Gemini): `[NAME(KEY="VALUE")]`, of tools that there are

Values in XML are text, whatever the tool's schema says; the code that runs the call knows the schema.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from voiceagent.engines.llm.contract import ToolCall, ToolSpec

_FUNCTION = re.compile(
    r"""<(?:\w+:)?(?:function=|(?:function|invoke)\s+name=)["']?([^<>"']*)["']?>(.*?)"""
    r"(</(?:\w+:)?(?:function|invoke)>|(?=<function=|<(?:\w+:)?invoke )|\Z)",
    re.DOTALL,
)
_PARAMETER = re.compile(r"""<parameter(?:=|\s+name=)["']?([^<>"']*)["']?[^<>]*>\n?(.*?)\n?</parameter>""", re.DOTALL)
_PAIR = re.compile(r"<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>\n?(.*?)\n?</arg_value>", re.DOTALL)
_PAIRS = re.compile(r"<\w*tool_call>\s*([A-Za-z_][\w.-]*)\s*(<arg_key>.*?)?</\w*tool_call>", re.DOTALL)
_GEMMA = re.compile(r"\bcall:([\w.-]+)\{(.*?)\}(?=\s*(?:<|\Z))", re.DOTALL)
_GEMMA_VALUE = re.compile(r'([\w-]+):(?:<escape>(.*?)<escape>|<\|"\|>(.*?)<\|"\|>|([^,}]*))', re.DOTALL)
_BETWEEN = re.compile(r"\[CALL_ID\]\w*|\[[A-Z_]+\]|<[^<>]*>|```\w*|:\d+\b|Action Input:")
"""What stands between the name of a tool and its arguments, and before the name."""
_BRACKET = re.compile(r"[{\[]")
_CLOSING = re.compile(r"\)")
_LAST_NAME = re.compile(r"([A-Za-z_][\w.-]*)[\s:(]*\Z")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs", "action_input", "tool_input", "tool_args")
_NAMES = ("name", "function", "tool", "tool_name", "action", "recipient_name", "function_name")
_LISTS = ("tool_calls", "tool_call", "function_call", "function_calls", "tool_uses", "calls")
_CONSTANTS = {"true": True, "false": False, "null": None}
_LONGEST_NAME = 300
_MOST_VALUES = 64
"""JSON values and brackets of one reply that are tried."""


def read_calls(text: str, tools: Sequence[ToolSpec], *, tagged: bool) -> list[ToolCall]:
    """Return the calls in a text, without ids; those that cannot be read are left out.

    `tagged` text is certainly a call, even of a tool that there is not; other text, only if there is one of that name.
    """
    text = text.replace("｜", "|").replace("▁", "_")
    calls = (
        _in_xml(text) or _in_pairs(text) or _in_gemma(text) or list(_in_json(text, tools)) or _in_python(text, tools)
    )
    declared = {tool.name for tool in tools}
    return [call for call in calls if tagged or call.name in declared]


def _in_xml(text: str) -> list[ToolCall]:
    calls = []
    for found in _FUNCTION.finditer(text):
        name, body, end = found.groups()
        given = _object(body)
        whole = end or found.end() < len(text) or given is not None
        if name.strip() and whole:
            calls.append(_call(name, given or dict(_PARAMETER.findall(body))))
    return calls


def _in_pairs(text: str) -> list[ToolCall]:
    return [_call(found[1], dict(_PAIR.findall(found[2] or ""))) for found in _PAIRS.finditer(text)]


def _in_gemma(text: str) -> list[ToolCall]:
    return [
        _call(found[1], {key: a or b or _value(plain) for key, a, b, plain in _GEMMA_VALUE.findall(found[2])})
        for found in _GEMMA.finditer(text)
    ]


def _in_json(text: str, tools: Sequence[ToolSpec]) -> Iterator[ToolCall]:
    decoder, at, past = json.JSONDecoder(), 0, 0
    for _ in range(_MOST_VALUES):
        bracket = _BRACKET.search(text, at)
        if not bracket:
            return
        try:
            value, end = decoder.raw_decode(text, bracket.start())
        except ValueError:
            at = bracket.end()
            continue
        except RecursionError:
            return
        calls = list(_calls_of(value, tools))
        before = text[max(past, bracket.start() - _LONGEST_NAME) : bracket.start()]
        name = _LAST_NAME.search(_BETWEEN.sub(" ", before))
        if not calls and name and isinstance(value, dict):
            calls = [_call(name[1], value)]
        yield from calls
        at = past = end


def _calls_of(value: Any, tools: Sequence[ToolSpec]) -> Iterator[ToolCall]:
    """Yield the calls that a JSON value describes."""
    if isinstance(value, list):
        for item in value:
            yield from _calls_of(item, tools)
    if not isinstance(value, dict):
        return
    for key in _LISTS:
        if isinstance(value.get(key), list | dict):
            yield from _calls_of(value[key], tools)
            return
    if isinstance(value.get("function"), dict):
        yield from _calls_of(value["function"], tools)
        return
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    arguments = next((_object(value[key]) for key in _ARGUMENTS if key in value), {})
    if not name and len(value) == 1:  # {NAME: {...}}
        ((name, arguments),) = value.items()
        if name not in {tool.name for tool in tools}:
            return
    if name.strip() and isinstance(arguments, dict):
        yield _call(name, arguments)


def _in_python(text: str, tools: Sequence[ToolSpec]) -> list[ToolCall]:
    calls = []
    for tool in tools:
        for found in re.finditer(rf"(?<![\w]){re.escape(tool.name)}(?:\.call)?\(", text):
            for end in islice(_CLOSING.finditer(text, found.end()), _MOST_VALUES):
                arguments = _python_arguments(text[found.end() - 1 : end.end()], tool)
                if arguments is not None:
                    calls.append((found.start(), _call(tool.name, arguments)))
                    break
    return [call for _, call in sorted(calls, key=lambda placed: placed[0])]


def _python_arguments(source: str, tool: ToolSpec) -> dict[str, Any] | None:
    """Return the arguments of a call in Python, from its opening bracket on; None if they are not all literals."""
    try:
        call = ast.parse("f" + source, mode="eval").body
        if not isinstance(call, ast.Call):
            return None
        order = json.loads(tool.parameters).get("properties", {})
        arguments = {name: _literal(value) for name, value in zip(order, call.args, strict=False)}
        arguments |= {keyword.arg: _literal(keyword.value) for keyword in call.keywords if keyword.arg}
        json.dumps(arguments)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return arguments


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    return ast.literal_eval(node)


def _object(value: Any) -> dict[str, Any] | None:
    """Return a JSON object, given as it is or as text; None for anything else."""
    value = _value(value) if isinstance(value, str) else value
    return value if isinstance(value, dict) else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _call(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall("", name.strip().removeprefix("functions."), json.dumps(arguments, ensure_ascii=False))
