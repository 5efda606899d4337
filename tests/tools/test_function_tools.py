"""Python functions as tools: what the model is told of them, and how they are run."""

import asyncio
import json
import threading

import pytest
import weather

from voiceagent.errors import VoiceAgentError
from voiceagent.tools import function_tool
from voiceagent.tools.function import MAX_THREADS, find_function


def run(function, **arguments):
    return asyncio.run(function_tool(function).run(arguments))


def test_the_model_is_told_the_name_the_docstring_and_the_arguments():
    spec = function_tool(weather.get_weather).spec
    assert spec.name == "get_weather"
    assert spec.description == "Look up the weather. For the next days only."
    assert json.loads(spec.parameters) == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name of the city, in English."},
            "days": {"type": "integer", "description": "How many days.", "default": 1},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"], "default": "celsius"},
        },
        "required": ["city"],
    }


def test_a_function_runs_with_its_defaults():
    assert run(weather.get_weather, city="Rome", days="3") == "Rome: sunny for 3 days, in celsius"


def test_a_coroutine_function_runs_and_its_result_becomes_json():
    assert json.loads(run(weather.forecast, city="Rome")) == {"city": "Rome", "degrees": 21}


def test_models_enumerations_and_reserved_names_are_fine():
    assert (
        run(weather.visit, place={"name": "Lyon"}, schema=[9, 10], unit="kelvin")
        == "Lyon (France) at [9, 10] in KELVIN"
    )
    properties = json.loads(function_tool(weather.visit).spec.parameters)["properties"]
    assert properties["schema"]["description"] == "Hours of the day."


def test_nothing_is_a_result_too():
    assert run(weather.forget) == "Done."


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "city: Field required"),
        ({"city": "Rome", "days": "many"}, "days: Input should be a valid integer"),
        ({"city": "Rome", "planet": "Mars"}, "planet: Extra inputs are not permitted"),
    ],
)
def test_wrong_arguments_are_told_in_words(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        run(weather.get_weather, **arguments)


def test_what_a_function_declares_of_itself_is_kept():
    booked = function_tool(weather.book)
    assert (booked.timeout_s, booked.on_interrupt) == (0.5, "finish")
    plain = function_tool(weather.get_weather)
    assert (plain.timeout_s, plain.on_interrupt) == (None, "cancel")


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (weather.undocumented, "undocumented needs a docstring"),
        (weather.untyped, "untyped needs a type hint for city"),
        (weather.variadic, r"variadic takes \*cities"),
        (weather.untold, "untold has an argument whose type cannot be described"),
        (weather.unheard_of, "unheard_of has a type hint that cannot be resolved"),
    ],
)
def test_a_function_that_cannot_be_told_to_a_model_is_refused(function, complaint):
    with pytest.raises(VoiceAgentError, match=complaint):
        function_tool(function)


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("no_such_module:f", "there is no module no_such_module"),
        ("weather:no_such_function", "does not exist"),
        ("weather:not_a_function", "is not a function, but int"),
        ("broken_on_import:f", "ZeroDivisionError"),
    ],
)
def test_a_function_that_is_not_there_is_told(tmp_path, monkeypatch, place, complaint):
    (tmp_path / "broken_on_import.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(VoiceAgentError, match=complaint):
        find_function(place)


def test_a_function_is_found_where_the_agent_is_started(tmp_path, monkeypatch):
    (tmp_path / "lies_here.py").write_text('def hello() -> str:\n    """Greet."""\n    return "hello"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [])
    assert find_function("lies_here:hello")() == "hello"


def test_a_function_that_raises_or_exits_only_fails():
    def leave() -> None:
        """Leave."""
        raise SystemExit("bye")

    async def leave_at_once() -> None:
        """Leave at once."""
        raise SystemExit("bye")

    with pytest.raises(RuntimeError, match="SystemExit: bye"):
        run(leave)
    with pytest.raises(RuntimeError, match="tried to end the program"):
        run(leave_at_once)


def test_a_function_that_hangs_holds_up_no_one_and_is_not_started_without_end():
    release = threading.Event()

    def hang() -> None:
        """Hang."""
        release.wait()

    async def main():
        tool = function_tool(hang)
        hanging = [asyncio.ensure_future(tool.run({})) for _ in range(MAX_THREADS)]
        await asyncio.sleep(0)
        with pytest.raises(VoiceAgentError, match=f"busy with {MAX_THREADS} other calls"):
            await tool.run({})
        release.set()
        assert await asyncio.gather(*hanging) == ["Done."] * MAX_THREADS

    asyncio.run(main())
