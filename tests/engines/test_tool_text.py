"""Calls that a model writes as text: read and not heard, in every notation, however the text is cut."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replies import ASKED, NOW, WEATHER, WITHOUT_TOOLS, heard, in_pieces

from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.engines.llm.tool_text import read_calls

NEMOTRON = (
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nNew York\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
    "</function>\n</tool_call>\n"
)
HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "New York", "days": 3}}\n</tool_call>'
ARGUMENTS = '{"city": "New York", "days": 3}'
CALL = f'{{"name": "get_weather", "arguments": {ARGUMENTS}}}'
GIVEN = {"city": "New York", "days": 3}
DEEPSEEK = "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>"
SEP, DEEPSEEK_END = (
    "<\uff5ctool\u2581sep\uff5c>",
    "<\uff5ctool\u2581call\u2581end\uff5c><\uff5ctool\u2581calls\u2581end\uff5c>",
)


def read(text, size=1, messages=ASKED):
    result = heard(in_pieces(text, size), messages)
    return result.text, list(result.calls)


@pytest.mark.parametrize(
    "written",
    [
        HERMES,
        CALL,
        f'{{"name": "get_weather", "parameters": {ARGUMENTS}}}',
        f'{{"type": "function", "name": "get_weather", "parameters": {ARGUMENTS}}}',
        f'{{"type": "function", "function": {{"name": "get_weather", "arguments": {ARGUMENTS}}}}}',
        f'{{"function": "get_weather", "arguments": {json.dumps(ARGUMENTS)}}}',
        f'{{"tool": "get_weather", "args": {ARGUMENTS}}}',
        f'{{"action": "get_weather", "action_input": {ARGUMENTS}}}',
        f'{{"tool_calls": [{{"function": {CALL}}}]}}',
        f'{{"get_weather": {ARGUMENTS}}}',
        f"[{CALL}]",
        f"```json\n{CALL}\n```",
        f"```\n{CALL}\n```",
        f"```tool_call\n{CALL}\n```",
        '```tool_code\nprint(default_api.get_weather(city="New York", days=3))\n```',
        "```python\nget_weather('New York', 3)\n```",
        f"<TOOLCALL>[{CALL}]</TOOLCALL>",
        f"<|tool_call|>[{CALL}]<|/tool_call|>",
        f"<function_call>{CALL}</function_call>",
        f"[TOOL_CALLS] [{CALL}]",
        f"[TOOL_CALLS]get_weather[ARGS]{ARGUMENTS}</s>",
        f"[TOOL_CALLS]get_weather[CALL_ID]a1b2c3d4e[ARGS]{ARGUMENTS}",
        f"functools[{CALL}]",
        f"<|python_tag|>{CALL}<|eom_id|>",
        '<|python_tag|>get_weather.call(city="New York", days=3)<|eom_id|>',
        f"<function=get_weather>{ARGUMENTS}</function>",
        f"<function=get_weather>{ARGUMENTS}<|eom_id|>",
        '[get_weather(city="New York", days=3)]',
        '<|tool_call_start|>[get_weather(city="New York", days=3)]<|tool_call_end|>',
        'get_weather(city="New York", days=3)',
        f"{DEEPSEEK}function{SEP}get_weather\n```json\n{ARGUMENTS}\n```{DEEPSEEK_END}",
        f"{DEEPSEEK}get_weather{SEP}{ARGUMENTS}{DEEPSEEK_END}<\uff5cend\u2581of\u2581sentence\uff5c>",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
        f"{ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>",
        f"<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{ARGUMENTS}<|call|>",
        f"<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{ARGUMENTS}<|call|>",
        f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather"
        f"<|message|>{ARGUMENTS}<|call|>",
        "<start_function_call>call:get_weather{city:<escape>New York<escape>,days:3}<end_function_call>",
        '<|tool_call>call:get_weather{city:<|"|>New York<|"|>,days:3}<tool_call|>',
        f"Action: get_weather\nAction Input: {ARGUMENTS}\nObservation: sunny",
        f"Thought: I should look.\nAction: get_weather\nAction Input: {ARGUMENTS}",
        f"Thought: I should look.\nAction: get_weather\nAction Input: {ARGUMENTS}\nObservation: sunny\nSo it is.",
        f"<think>I should look.\n{HERMES}",
        f"<think>I should look.\n{HERMES}<|im_end|>\n<|im_start|>user\nWell?",
        f"<think>I should look.</think>\n{CALL}",
    ],
)
def test_a_call_is_read_in_every_notation_and_not_heard(written):
    assert read(written) == ("", [("get_weather", GIVEN)])
    assert read(written, size=1000) == ("", [("get_weather", GIVEN)])


@pytest.mark.parametrize(
    "written",
    [
        NEMOTRON,
        NEMOTRON.replace("tool_call", "seed:tool_call"),
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>New York</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>3</arg_value>\n</tool_call>",
        '<function_calls><invoke name="get_weather"><parameter name="city">New York</parameter>'
        '<parameter name="days">3</parameter></invoke></function_calls>',
    ],
)
def test_values_in_xml_are_text(written):
    assert read(f"Let me see.\n{written}") == ("Let me see.\n", [("get_weather", {"city": "New York", "days": "3"})])


def test_what_is_said_before_a_call_is_heard():
    for call in (HERMES, f"\n{CALL}", f"```json\n{CALL}\n```", '\n[get_weather(city="New York", days=3)]'):
        text, calls = read(f"Let me see. {call}")
        assert (text.strip(), calls) == ("Let me see.", [("get_weather", GIVEN)])
    assert read(f"Say {CALL}") == ("Say ", [("get_weather", GIVEN)])


@pytest.mark.parametrize(
    "call", [NEMOTRON, HERMES, CALL, "<|python_tag|>" + CALL, '[get_weather("a"), get_weather("b")]']
)
def test_several_calls_are_all_read(call):
    assert [name for name, _ in read(call + call + call)[1]][:3] == ["get_weather"] * 3


def test_calls_in_python_are_read_in_their_order():
    calls = [("now", {}), ("get_weather", {"city": "a)", "days": None}), ("now", {})]
    assert read('[now(), get_weather("a)", days=null), now()]') == ("", calls)
    assert read("[get_weather(city=open('x'))]") == ("", [])


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


def test_a_call_without_arguments_is_read():
    for written in ("<tool_call>now\n</tool_call>", "<function=now></function>", "[now()]", '{"name": "now"}'):
        assert read(written) == ("", [("now", {})])
    assert read("<|channel|>commentary to=functions.now<|message|>{}<|call|>") == ("", [("now", {})])


def test_in_a_notation_of_its_own_a_call_is_one_of_a_tool_that_there_is_not_as_well():
    assert read('<tool_call>{"name": "fly", "arguments": {}}</tool_call>') == ("", [("fly", {})])
    assert read("<function=fly></function>", messages=WITHOUT_TOOLS) == ("", [("fly", {})])


@pytest.mark.parametrize(
    "written",
    [
        '{"name": "fly", "arguments": {}}',
        '```json\n{"name": "fly"}\n```',
        '{"name": "Ada", "age": 36}',
        '{"city": "Rome"}',
        "```python\nfly()\n```",
    ],
)
def test_json_and_code_that_call_no_tool_are_silence(written):
    assert read(written) == ("", [])
    assert read(written, messages=WITHOUT_TOOLS) == ("", [])


def test_calls_of_tools_that_there_are_not_are_text_in_python():
    assert read("[fly(1)] or fly(2)") == ("[fly(1)] or fly(2)", [])
    assert read("now and then, get_weather is called") == ("now and then, get_weather is called", [])


@pytest.mark.parametrize("call", [NEMOTRON, HERMES, CALL])
def test_what_follows_a_call_is_not_heard(call):
    assert read(f"{call}\nIt is sunny.")[0] == ""
    assert heard(f"{NEMOTRON}It is sunny.").over
    assert heard(f"{HERMES}\n<tool_response>\nsunny").over


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
        "[now(",
        "{",
        '{"name": "now"',
        "<tool_call>" + "[" * 50_000,
        "<tool_call>" + '{"a":[' * 20_000,
        "<tool_call>now" + "<arg_key>a</arg_key><arg_value>b</arg_value>" * 200,
        "<tool",
        "<|tool_ca",
    ],
)
def test_a_broken_call_is_neither_heard_nor_called(broken):
    assert read(broken, size=64) == ("", [])


def test_signs_that_look_like_the_beginning_of_a_call_are_heard():
    for text in ("2 < 3", "a <", "<toolbox> and more", "<functional> programming", "a {name}", "[1]", "[now]"):
        assert read(text)[0] == text


@given(st.text(alphabet='<>/=_aeflnot il{}"') | st.sampled_from([NEMOTRON, HERMES, CALL]), st.integers(1, 20))
def test_how_the_text_is_cut_changes_nothing(text, size):
    assert read(text, size) == read(text, max(1, len(text)))


@given(st.text())
def test_no_text_breaks_the_reading_of_calls(text):
    for call in read_calls(text, [WEATHER, NOW, ToolSpec("a", "", "{}")], tagged=True):
        assert isinstance(json.loads(call.arguments), dict)
