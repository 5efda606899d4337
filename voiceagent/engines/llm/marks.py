"""The marks that models write for programs rather than for people, by the notations that they are trained on. Pure.

Chat templates: ChatML (Qwen, SmolLM), Llama 2 to 4, Mistral, Gemma 1 to 4, Phi, GLM, Granite, DeepSeek, Kimi, Cohere,
EXAONE, harmony (gpt-oss). Thoughts and tool calls: `tool_text`, and the names below. HTML and SSML.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

LONGEST = 300
"""Characters of a tag: those with attributes are long."""


class Kind(Enum):
    """What a mark does."""

    THOUGHT = auto()
    """Begins a thought."""
    ANSWER = auto()
    """Ends a thought."""
    CALL = auto()
    """Begins a tool call."""
    END = auto()
    """Ends the reply."""
    OTHERS = auto()
    """Begins what another than the agent says."""
    HEADER = auto()
    """Begins the head of a message: its role, channel, recipient."""
    CONTENT = auto()
    """Ends the head of a message."""
    BREAK = auto()
    """Ends a line."""
    NOTHING = auto()
    """Means nothing to a listener."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in a text."""

    kind: Kind
    name: str
    of_template: bool = True
    """Whether it can only come from a chat template; others may also be what a model writes about."""


def _named(kinds: dict[Kind, str]) -> dict[str, Kind]:
    return {name: kind for kind, names in kinds.items() for name in names.split()}


_TOKENS = _named(
    {
        Kind.THOUGHT: "think thinking begin_of_thought start_of_thought startofthink start_thinking inner_prefix",
        Kind.ANSWER: "/think /thinking end_of_thought endofthink end_thinking inner_suffix channel>",
        Kind.CALL: "tool_call tool_calls tool_call_begin tool_calls_begin tool_calls_section_begin tool_call_start "
        "function_call function_calls python_tag action_start start_action",
        Kind.END: "im_end endoftext end_of_text eot eot_id eom_id end end_of_turn endofturn end_of_turn_token eos "
        "end_of_sentence return call turn>",
        Kind.OTHERS: "user human system observation environment tool tool_response tool_responses user_token "
        "system_token im_user im_system prompter tool_outputs_begin tool_output_begin start_tool_result",
        Kind.HEADER: "start channel constrain im_start im_assistant start_header_id start_of_role turn",
        Kind.CONTENT: "message end_header_id end_of_role im_sep im_middle",
        Kind.NOTHING: "tool_call>",
    }
)
"""Between `<|` and `|>`; with one bar alone at its end as `name>`."""
_TEMPLATE_TAGS = _named(
    {
        Kind.END: "/s eos end_of_turn endoftext",
        Kind.HEADER: "start_of_turn",
        Kind.NOTHING: "s bos pad unk mask",
    }
)
_TAGS = _TEMPLATE_TAGS | _named(
    {
        Kind.THOUGHT: "think thinking thought thoughts reasoning reflection scratchpad inner_monologue "
        "internal_thought analysis seed:think mm:think antml:thinking longcat_think ling_think unused94",
        Kind.ANSWER: "unused95",
        Kind.CALL: "tool_call tool_calls toolcall toolcalls tool_use tool_code tool function function_call "
        "function_calls functioncall functioncalls invoke start_function_call seed:tool_call minimax:tool_call "
        "longcat_tool_call antml:function_calls antml:invoke",
        Kind.OTHERS: "tool_response tool_responses tool_result tool_results tool_output function_response "
        "function_result function_results start_function_response",
        Kind.BREAK: "br p /p li /li div /div tr /tr h1 /h1 h2 /h2 h3 /h3 h4 /h4 h5 /h5 h6 /h6 hr ul /ul ol /ol table "
        "/table blockquote /blockquote pre /pre section /section",
        Kind.NOTHING: "a abbr article b big body button center cite code dd del details dl dt em figure font footer "
        "header html i img input ins kbd label main nav q small span strike strong style sub summary sup tbody td th "
        "thead tt u var wbr video svg speak audio break prosody emphasis say-as voice phoneme mark answer response "
        "output final final_answer solution message result reply assistant user human bot model "
        "escape",
    }
)
_BYTE = re.compile(r"0x([0-9a-f]{2})")
_UNUSED = re.compile(r"unused\d+")
_NAME = re.compile(r"(/?[\w:.-]*)(.*)")
_ATTRIBUTE = r"\s+[\w:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'=]+)"
_REST = re.compile(rf"=.*|(?:{_ATTRIBUTE})*\s*/?")
"""What follows a tag's name."""
_HALF_REST = re.compile(rf"=.*|(?:{_ATTRIBUTE})*\s*/?(?:\s+[\w:-]+\s*(?:=\s*(?:\"[^\"]*|'[^']*)?)?)?")
_HALF_NAME = re.compile(r"unused\d*|0(?:x[0-9a-f]{0,2})?")

LITERALS = {
    "[THINK]": Mark(Kind.THOUGHT, "[think]"),
    "[/THINK]": Mark(Kind.ANSWER, "[think]"),
    "[BEGIN FINAL RESPONSE]": Mark(Kind.ANSWER, "steps"),
    "[END FINAL RESPONSE]": Mark(Kind.END, "steps"),
    "◁think▷": Mark(Kind.THOUGHT, "◁think"),
    "◁/think▷": Mark(Kind.ANSWER, "◁think"),
    "[TOOL_CALLS]": Mark(Kind.CALL, "[tool_calls]"),
    "[TOOL_CALL]": Mark(Kind.CALL, "[tool_call]"),
    "✿FUNCTION✿": Mark(Kind.CALL, "✿function"),
    "[INST]": Mark(Kind.OTHERS, "[inst]"),
    "[TOOL_RESULTS]": Mark(Kind.OTHERS, "[tool_results]"),
    "[AVAILABLE_TOOLS]": Mark(Kind.OTHERS, "[available_tools]"),
    "[SYSTEM_PROMPT]": Mark(Kind.OTHERS, "[system_prompt]"),
    "[|user|]": Mark(Kind.OTHERS, "[user]"),
    "[|system|]": Mark(Kind.OTHERS, "[system]"),
    "[|endofturn|]": Mark(Kind.END, "[endofturn]"),
    "[EOS]": Mark(Kind.END, "[eos]"),
    **{text: Mark(Kind.NOTHING, text) for text in ("[/INST]", "[BOS]", "[PAD]", "[UNK]", "[gMASK]", "[|assistant|]")},
}
"""Marks that are no tags."""
LONGEST_LITERAL = 200
"""More than any of them, and than the name of a tool."""
NO_MARK = Mark(Kind.NOTHING, "")


def mark_at(text: str, start: int, literals: Mapping[str, Mark], *, final: bool) -> tuple[int, Mark] | None:
    """Return the length and the meaning of the tag or literal here, length 0 if there is none.

    None if more text decides; `final` means that no more will come.
    """
    if text[start] == "<":
        return tag_at(text, start, final=final)
    rest = text[start : start + LONGEST_LITERAL]
    for literal, mark in literals.items():
        if rest.startswith(literal):
            return len(literal), mark
    if not final and any(literal.startswith(rest) for literal in literals):
        return None
    return 0, NO_MARK


def tag_at(text: str, start: int, *, final: bool) -> tuple[int, Mark] | None:
    """Return the length and the meaning of the tag at a "<", length 0 if it is text; None if more text decides.

    `final` means that no more text will come. A tag that breaks off there means nothing.
    """
    end = text.find(">", start, start + LONGEST)
    inner = text[start + 1 : end if end >= 0 else start + LONGEST]
    no_tag = 0, NO_MARK
    if "\n" in inner or "<" in inner:
        return no_tag
    if end >= 0:
        mark = _meaning(inner)
        return no_tag if mark is None else (end + 1 - start, mark)
    if len(text) >= start + LONGEST or not _may_become(inner):
        return no_tag
    if not final:
        return None
    return (len(inner) + 1, Mark(Kind.NOTHING, inner)) if len(inner) > 1 else no_tag


def opened_thought(prompt: str) -> str:
    """Return the mark with which a prompt opens the thought of the reply, "" if it opens none."""
    tail = prompt.rstrip()[-LONGEST:]
    literal = next((text for text, mark in LITERALS.items() if mark.kind is Kind.THOUGHT and tail.endswith(text)), "")
    start = tail.rfind("<")
    found = None if start < 0 else tag_at(tail, start, final=True)
    if found and found[1].kind is Kind.THOUGHT and start + found[0] == len(tail):
        return tail[start:]
    return literal


def _folded(inner: str) -> str:
    """Return a tag's inside in lower case, with the bars and blanks that DeepSeek's tokens have as ASCII."""
    return inner.replace("｜", "|").replace("▁", "_").lower()


def _meaning(inner: str) -> Mark | None:
    inner = _folded(inner)
    if inner.startswith("|"):
        name = inner.strip("| ")
        return Mark(_TOKENS.get(name, Kind.NOTHING), name)
    if inner.startswith("!"):
        return Mark(Kind.NOTHING, "!")
    if byte := _BYTE.fullmatch(inner):
        return Mark(Kind.BREAK if byte[1] == "0a" else Kind.NOTHING, inner)
    if _UNUSED.fullmatch(inner) and inner not in _TAGS:
        return Mark(Kind.NOTHING, inner)
    name, rest = _parts(inner)
    if rest == "|" and f"{name}>" in _TOKENS:
        return Mark(_TOKENS[f"{name}>"], f"{name}>")
    if not _REST.fullmatch(rest):
        return None
    if name in _TAGS:
        kind = Kind.NOTHING if _TAGS[name] is Kind.THOUGHT and rest.endswith("/") else _TAGS[name]
        return Mark(kind, name, of_template=name in _TEMPLATE_TAGS)
    if not name.startswith("/") or name[1:] not in _TAGS:
        return None
    thought = _TAGS[name[1:]] is Kind.THOUGHT
    return Mark(Kind.ANSWER if thought else Kind.NOTHING, name[1:], of_template=False)


def _may_become(inner: str) -> bool:
    """Return whether the beginning of a tag's inside may go on as one of a known name."""
    inner = _folded(inner)
    if inner[:1] in ("", "|", "!"):
        return True
    name, rest = _parts(inner)
    name = name.removeprefix("/")
    if rest:
        return (rest == "|" and f"{name}>" in _TOKENS) or (name in _TAGS and _HALF_REST.fullmatch(rest) is not None)
    known = (*_TAGS, *(token for token in _TOKENS if token.endswith(">")))
    return _HALF_NAME.fullmatch(name) is not None or any(each.removeprefix("/").startswith(name) for each in known)


def _parts(inner: str) -> tuple[str, str]:
    found = _NAME.fullmatch(inner)
    return (found[1], found[2]) if found else ("", inner)
