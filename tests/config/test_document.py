import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.config.document import Node, parse
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.origins import Origin


def at(line: int) -> Origin:
    return Origin("file", line)


def read(text: str) -> Any:
    problems: list[Problem] = []
    value = parse(text, at, problems).plain()
    assert problems == []
    return value


def complaints(text: str) -> list[str]:
    problems: list[Problem] = []
    try:
        parse(text, at, problems)
    except ConfigError as error:
        problems += error.problems
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("-3", -3),
        ("010", 10),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", "yes"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("0x10", "0x10"),
        ("'80'", "80"),
        ("!!str 80", "80"),
        ("[1, [two]]", [1, ["two"]]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("a:", {"a": None}),
        ("80: true", {"80": True}),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert read(text) == value
    assert type(read(text)) is type(value)


def test_not_a_number_is_a_number_to_yaml() -> None:
    assert math.isnan(read(".nan"))


def test_every_value_knows_the_line_of_its_key() -> None:
    root = parse("a:\n  b: >-\n    long\n    text\n  c: [1,\n    2]\n\nd: 5", at, [])
    lines = {loc: root.at(loc).origin.line for loc in [("a",), ("a", "b"), ("a", "c", 1), ("d",)]}
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "c", 1): 6, ("d",): 8}


def test_what_is_not_there_has_the_line_of_what_is_around_it() -> None:
    root = parse("a:\n  b:\n    - 1", at, [])
    assert root.at(("a", "b", 7, "x")).origin.line == 2
    assert root.at(("a", "b", 0, "x")).origin.line == 3


def test_laying_one_tree_on_another_merges_mappings_and_replaces_the_rest() -> None:
    below = parse("s: {keep: 1, change: 2, list: [1, 2]}\nt: {x: 1}", at, [])
    above = parse("s: {change: null, list: [3], new: {y: 1}}\nt:", at, [])
    merged = {"s": {"keep": 1, "change": None, "list": [3], "new": {"y": 1}}, "t": {"x": 1}}
    assert below.overlaid(above).plain() == merged


def test_a_tree_of_one_value() -> None:
    assert Node.single(("a", "b"), 5, at(1)).plain() == {"a": {"b": 5}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3", "file:3: a: is given twice, first at file:1; remove one"),
        ("l:\n- {u: 1, u: 2}", "file:2: l.0.u: is given twice, first at file:2; remove one"),
        (
            "a: Hello: you",
            "file:1: broken YAML at column 9: mapping values are not allowed here; check",
        ),
        ("a:\n\tb: 1", "file:2: broken YAML at column 1: found character '\\t'"),
        ("a: 'x\n\n", "(while scanning a quoted scalar that begins in line 1)"),
        ("a: &x 1\nb: *x", "file:2: broken YAML at column 4: aliases are not read here"),
        ("a: 1\n---\nb: 1", "file:2: broken YAML at column 1: but found another document"),
        ("a:\n  b: !python/none x", "file:2: a.b: tags such as !python/none are not read here"),
        ("a: !!set {x}", "file:1: a: tags such as !!set are not read here"),
        ("a: !!int x", "file:1: a: this cannot be read"),
        ("a: " + "9" * 5000, "file:1: a: this cannot be read"),
        ('a: "\\ud800"', "file:1: a: this cannot be read"),
        ("? [a]\n: 1", "file:1: a key must be a word"),
        ("a: 1\nb: \x07", "file:2: this is not a text file: it holds the character U+0007"),
        ("[" * 5000, "file:1: this is nested too deeply to be read"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, complaint: str) -> None:
    (told,) = complaints(text)
    assert complaint in told


def test_the_mistakes_that_leave_the_rest_readable_come_together() -> None:
    assert len(complaints("a: 1\na: 2\nb: !x 1\n[c]: 3")) == 3


@given(st.text(st.sampled_from("ab:-[]{}?!&*|>'\"%@#,.~ \n\t0\x00\x85\ufeff\ud800") | st.characters(), max_size=30))
def test_no_text_whatever_raises_anything_but_a_config_error(text: str) -> None:
    complaints(text)
