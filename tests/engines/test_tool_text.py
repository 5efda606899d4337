"""Telling calls from words, however the text is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.llm.tool_text import ToolText

NEMOTRON = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nNew York\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
    "</function>\n</tool_call>\n"
)
HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "New York", "days": 3}}\n</tool_call>'


def read(text, size=1):
    written = ToolText()
    shown = "".join(written.feed(text[start : start + size]) for start in range(0, len(text), size))
    return shown + written.finish(), [(call.name, json.loads(call.arguments)) for call in written.calls()]


def test_xml_calls_are_read_and_not_shown():
    assert read(f"Let me see.\n{NEMOTRON}") == (
        "Let me see.\n",
        [("get_weather", {"city": "New York", "days": "3"})],
    )


def test_json_calls_are_read_and_not_shown():
    assert read(f"Let me see. {HERMES}") == ("Let me see. ", [("get_weather", {"city": "New York", "days": 3})])


@pytest.mark.parametrize("call", [NEMOTRON, HERMES])
def test_several_calls_are_all_read(call):
    assert [name for name, _ in read(call + call + call)[1]] == ["get_weather"] * 3


def test_a_list_of_json_calls_is_read():
    block = '<tool_call>[{"name": "a", "arguments": {}}, {"name": "b"}]</tool_call>'
    assert read(block)[1] == [("a", {}), ("b", {})]


def test_values_may_span_lines_and_hold_tags():
    text = "<tool_call><function=write><parameter=text>\nOne\n<b>two</b>\n</parameter></function></tool_call>"
    assert read(text)[1] == [("write", {"text": "One\n<b>two</b>"})]


def test_a_call_without_its_outer_tag_or_its_end_is_understood():
    assert read("<function=now>\n</function>") == ("", [("now", {})])
    assert read(HERMES.removesuffix("</tool_call>"))[1] == read(HERMES)[1]
    assert read(NEMOTRON.removesuffix("</tool_call>\n"))[1] == read(NEMOTRON)[1]


def test_json_without_tags_is_a_call_where_a_reply_begins_with_it():
    bare = HERMES.removeprefix("<tool_call>").removesuffix("</tool_call>")
    assert read(bare) == ("\n", read(HERMES)[1])
    assert [name for name, _ in read(bare + bare)[1]] == ["get_weather"] * 2
    assert read('{"name": "now", "parameters": {"zone": "UTC"}}') == ("", [("now", {"zone": "UTC"})])
    assert read('Say {"name": "now"}') == ('Say {"name": "now"}', [])


def test_what_follows_a_call_is_not_shown():
    assert read(f"{NEMOTRON}It is sunny.")[0] == ""


@pytest.mark.parametrize(
    "broken",
    [
        "<tool_call>",
        "<tool_call>{",
        "<tool_call>[1, null]</tool_call>",
        "<tool_call>5</tool_call>",
        '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "a", "arguments": "b"}</tool_call>',
        "<tool_call><function=a",
        "<tool_call><function=a><parameter=b>c",
        "<function=></function>",
        "{",
        '{"name": "a"',
        "<tool_call>" + "[" * 100_000,
    ],
)
def test_a_broken_call_is_neither_shown_nor_called(broken):
    assert read(broken, size=64) == ("", [])


def test_signs_that_look_like_the_beginning_of_a_call_are_shown():
    for text in ("2 < 3", "a <", "<tool", "<functional> programming", "<<tool_cal"):
        assert read(text) == (text, [])


@given(st.text(alphabet='<>/=_aeflnot il{}"') | st.sampled_from([NEMOTRON, HERMES]), st.integers(1, 20))
def test_how_the_text_is_cut_changes_nothing(text, size):
    assert read(text, size) == read(text, max(1, len(text)))


@given(st.text())
def test_text_without_a_tag_is_shown_whole(text):
    if "<tool_call>" not in text and "<function=" not in text and not text.lstrip().startswith("{"):
        assert read(text) == (text, [])
