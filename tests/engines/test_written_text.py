"""What a reader sees of a reply: all that is written, without thoughts, calls and the marks of templates."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replies import ASKED, WITHOUT_TOOLS, cut, in_pieces

from voiceagent.engines.llm.written_text import WrittenText

CODE = "Like this:\n```python\nfor _ in range(3):\n    print({'a': [1, 2]})  # <b>\n```\nThat is all."
PAGE = '<!-- a page -->\n<html><body class="x"><h1>Hi &amp; bye</h1><br/></body></html>'


def read(pieces, messages=WITHOUT_TOOLS, stops=()):
    reply, text = WrittenText(messages, stops), ""
    for piece in pieces:
        text += reply.feed(piece)
    return text + reply.finish(), reply


def seen(text, messages=WITHOUT_TOOLS, stops=()):
    """Return what is seen of a reply, however it is cut."""
    whole, reply = read([text], messages, stops)
    for size in (1, 3):
        assert read(in_pieces(text, size), messages, stops)[0] == whole
    return whole, [(call.name, json.loads(call.arguments)) for call in reply.calls()]


@pytest.mark.parametrize("messages", [WITHOUT_TOOLS, ASKED])
@pytest.mark.parametrize(
    "text",
    [
        CODE,
        PAGE,
        '{"name": "Ada", "age": 36}',
        "*smiles* Well (laughs) [1] `x` **bold** &lt;",
        "User: hello\nAssistant: hello yourself",
        "Answer: 4",
        "0, " * 64,
        "A ``` alone, an open\n```json\n[1, 2",
        "2 < 3 and 4 > 3",
    ],
)
def test_what_is_written_for_a_reader_stays_as_it_is(text, messages):
    assert seen(text, messages) == (text, [])


@pytest.mark.parametrize(
    "text", ["<think>Hm, {1}.</think>Yes.", "<|im_start|>assistant\nYes.<|im_end|>", "thought\nHm.</think>Yes."]
)
def test_thoughts_and_marks_of_templates_are_not_shown(text):
    assert seen(text)[0] == "Yes."


@pytest.mark.parametrize(
    "call",
    [
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>',
        '{"name": "get_weather", "parameters": {"city": "Rome"}}',
        '```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```',
    ],
)
def test_calls_are_taken_out(call):
    assert seen(f"Let me look.\n{call}", ASKED) == ("Let me look.\n", [("get_weather", {"city": "Rome"})])


def test_without_tools_json_is_shown_as_it_comes():
    reply = WrittenText(WITHOUT_TOOLS)
    assert reply.feed('{"a": ') == '{"a": '


def test_a_stop_ends_it():
    assert seen("One. Two. STOP three", stops=("STOP",))[0] == "One. Two. "


@given(st.text(alphabet="ab<>{}[]`\"'/ \n!-=1", max_size=60), st.lists(st.integers(0, 60)), st.booleans())
def test_how_it_is_cut_changes_nothing(text, at, tools):
    messages = ASKED if tools else WITHOUT_TOOLS
    assert read(cut(text, at), messages)[0] == read([text], messages)[0]
