"""Calls of tools: each ends in text for the model, within its time, whatever the tool does."""

import asyncio
import json
import logging

import pytest

from voiceagent.engines.llm.contract import ToolCall, ToolSpec
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.tools import Toolbox
from voiceagent.tools.contract import Tool
from voiceagent.tools.fit import fitted
from voiceagent.tools.toolbox import TIMEOUT_S

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}


def made(work, name="look_up", **options):
    return Tool(ToolSpec(name, "Look up.", json.dumps(SCHEMA)), work, **options)


def results(toolbox, *calls, wait_s=60.0):
    """Run calls in virtual time and return their results, and when they came."""

    async def main():
        loop, came = asyncio.get_running_loop(), {}
        for call in calls:
            toolbox.start(call, lambda text, call=call: came.setdefault(call.id, (text, loop.time())))
        await asyncio.sleep(wait_s)
        toolbox.close()
        return came

    return run_virtual(main())


def call(name="look_up", arguments="{}", id="1"):
    return ToolCall(id, name, arguments)


async def answer(arguments):
    return f"got {arguments}"


async def hang(arguments):
    await asyncio.sleep(1e6)


async def refuse_to_end(arguments):
    while True:
        try:
            await asyncio.sleep(20)
            return "at last"
        except asyncio.CancelledError:
            pass


async def crash(arguments):
    raise ZeroDivisionError("x" * 10_000)


async def give_up(arguments):
    raise asyncio.CancelledError


async def flood(arguments):
    return "x" * 5_000_000


def test_a_result_comes_back():
    assert results(Toolbox([made(answer)]), call())["1"][0] == "got {}"


def test_calls_run_side_by_side():
    async def slow(arguments):
        await asyncio.sleep(2)
        return "done"

    came = results(Toolbox([made(slow)]), *(call(id=str(number)) for number in range(5)))
    assert [at for _, at in came.values()] == [2.0] * 5


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (hang, "Error: look_up did not answer within 10 s"),
        (refuse_to_end, "Error: look_up did not answer within 10 s"),
        (crash, "Error: xxx"),
        (give_up, "Error: look_up gave up"),
    ],
)
def test_a_tool_that_fails_is_told_to_the_model_in_time(work, said):
    text, at = results(Toolbox([made(work)]), call())["1"]
    assert text.startswith(said)
    assert len(text) < 400
    assert at <= 10


def test_a_tools_own_limit_comes_first():
    text, at = results(Toolbox([made(hang, timeout_s=3)]), call())["1"]
    assert (text, at) == ("Error: look_up did not answer within 3 s", 3.0)


def test_megabytes_are_cut_to_what_a_conversation_can_hold():
    text, _ = results(Toolbox([made(flood)], max_chars=100), call())["1"]
    assert text == "x" * 100 + " ... (cut; 5000000 characters in all)"


def test_a_tool_that_does_not_exist_is_told_with_those_that_do():
    text, _ = results(Toolbox([made(answer)]), call("look_down"))["1"]
    assert text == "Error: there is no tool look_down; there are look_up"
    assert results(Toolbox(), call())["1"][0] == "Error: there is no tool look_up; there are none"


def test_a_cancelled_call_brings_nothing():
    async def main():
        came = []
        running = Toolbox([made(hang)]).start(call(), came.append)
        assert not running.finishes
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.sleep(60)
        assert came == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


def test_a_tool_may_want_to_finish():
    async def main():
        assert Toolbox([made(answer, on_interrupt="finish")]).start(call(), lambda text: None).finishes

    run_virtual(main())


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(VoiceAgentError, match="two tools called look_up"):
        Toolbox([made(answer), made(hang)])
    toolbox = Toolbox([made(answer)])
    with pytest.raises(VoiceAgentError, match="two tools called look_up"):
        toolbox.replace([made(answer), made(hang)])
    assert [spec.name for spec in toolbox.specs] == ["look_up"]


def test_other_tools_may_take_their_place():
    toolbox = Toolbox([made(answer)])
    toolbox.replace([made(answer, "look_down")])
    assert [spec.name for spec in toolbox.specs] == ["look_down"]
    assert results(toolbox, call("look_down"))["1"][0] == "got {}"


def test_every_call_is_told_of_when_it_has_ended():
    async def main():
        ended = []
        toolbox = Toolbox([made(answer), made(hang, "hang"), made(crash, "crash")], on_ended=ended.append)
        for name in ("look_up", "crash", "no_such_tool"):
            toolbox.start(call(name), lambda text: None)
        await asyncio.sleep(1)
        running = toolbox.start(call("hang"), lambda text: None)
        await asyncio.sleep(2)
        running.cancel()
        assert running.use.seconds == 2, "known at once, not when the task has heard of it"
        toolbox.start(call("hang"), lambda text: None)
        await asyncio.sleep(30)
        assert {(use.name, use.outcome) for use in ended[:3]} == {
            ("look_up", "done"),
            ("crash", "failed"),
            ("unknown", "failed"),
        }
        assert [(use.name, use.outcome) for use in ended[3:]] == [("hang", "cancelled"), ("hang", "failed")]
        assert ended[-1].seconds == TIMEOUT_S
        toolbox.start(call("hang"), lambda text: None)
        await asyncio.sleep(1)
        toolbox.close()
        await asyncio.sleep(1)
        assert ended[-1].outcome == "cancelled"

    run_virtual(main())


def test_the_log_says_why_a_tool_failed_but_not_what_it_was_asked(caplog):
    caplog.set_level(logging.INFO)
    results(Toolbox([made(crash)]), call(arguments='{"city": "secret"}'))
    assert "tool failed: xxx" in caplog.text
    assert "secret" not in caplog.text
    assert caplog.records[-1].tool == "look_up"


def test_text_is_read_as_what_the_schema_asks_for():
    given = {"city": "5", "days": "3", "more": "7"}
    assert results(Toolbox([made(answer)]), call(arguments=json.dumps(given)))["1"][0] == f"got {given | {'days': 3}}"


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "3", 3),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        ({"anyOf": [{"type": "object"}, {"type": "null"}]}, "None", None),
        ({"$ref": "#/$defs/Place"}, '{"name": "Lyon"}', {"name": "Lyon"}),
        ({"$ref": "#/$defs/Unit"}, "kelvin", "kelvin"),
        ({"type": ["string", "null"]}, "null", "null"),
        ({"type": "string"}, "3", "3"),
        ({"enum": ["1", "2"]}, "1", "1"),
        ({}, "3", "3"),
        (True, "3", "3"),
        ({"type": "integer"}, "many", "many"),
    ],
)
def test_a_value_is_fitted_to_its_schema(schema, text, value):
    assert fitted({"x": text}, {"properties": {"x": schema}}) == {"x": value}


def test_schemas_without_properties_change_nothing():
    for schema in ({}, {"properties": None}):
        assert fitted({"x": "3"}, schema) == {"x": "3"}


def test_a_choice_of_tools_calls_those_and_no_others():
    def saying(words, name):
        async def work(arguments):
            return words

        return made(work, name)

    async def main():
        def ask(tools, name):
            came = asyncio.get_running_loop().create_future()
            tools.start(call(name), came.set_result)
            return came

        box = Toolbox([saying("from a", "a"), saying("from b", "b")])
        chosen = box.choose(["b", saying("from c", "c")])
        assert [spec.name for spec in chosen.specs] == ["b", "c"]
        assert [await ask(chosen, name) for name in "bc"] == ["from b", "from c"]
        assert await ask(chosen, "a") == "Error: there is no tool a; there are b, c"
        box.replace([saying("from another b", "b")])
        assert await ask(chosen, "b") == "from another b", "a server that was away is back"
        box.replace([saying("from d", "d")])
        assert await ask(chosen, "b") == "Error: there is no tool b; there are c"
        assert await ask(box.choose(None), "d") == "from d"

    run_virtual(main())


def test_a_choice_that_cannot_be_made_is_refused_with_what_there_is():
    box = Toolbox([made(answer, "a"), made(answer, "b")])
    with pytest.raises(VoiceAgentError, match="no tool c; there are a, b"):
        box.choose(["c"])
    with pytest.raises(VoiceAgentError, match="two tools called a"):
        box.choose(["a", made(answer, "a")])
