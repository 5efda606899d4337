"""Scenario files: what is wrong in them is said with its file and line, all of it at once."""

import re
from pathlib import Path

import pytest

from voiceagent.evals import ScenarioError, evaluate, load_scenarios

GOOD = "name: {name}\nturns:\n  - user: Hello.\n"


def mistakes(tmp_path, text, name="bad.yaml"):
    """Return the mistakes of a file as `line: text`."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_a_text_is_what_must_be_contained_and_one_expectation_a_list_of_one(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: a\nturns:\n  - user: Hi.\n    cut_in: 3\n    expect: {says: [good, day], within_ms: 700}\n")
    (written,) = load_scenarios(path)
    (turn,) = written.scenario.turns
    assert turn.text == "Hi."
    assert turn.cut_in.words == 3
    assert [(one.kind, one.says.contains, one.within_ms) for one in turn.expect] == [("says", ("good", "day"), 700)]
    assert written.place(("turns", 0, "expect", 0)) == f"{path}:5"


def test_every_mistake_is_named_with_its_line_and_what_is_allowed(tmp_path):
    found = mistakes(
        tmp_path,
        """name: bad
begin: agent
turns:
  - user: 12
    expect:
      - say: hello
      - says: {contain: hi}
        within_ms: soon
      - happens: agent_paused
      - says: hi
        calls: weather
      - says: {matches: "(a"}
  - sound: sneeze
  - user: hello
    types: hello
""",
    )
    for line, part in (
        (2, "begin: there is no such key, did you mean begins?"),
        (4, "turns.0.user.0: should be text or a mapping with pause_ms, but is 12; put text in quotes"),
        (6, "say: there is no such key, did you mean says?"),
        (7, "contain: there is no such key, did you mean contains?"),
        (8, "within_ms: should be a whole number or null, but is 'soon'"),
        (9, "did you mean agent_pauses?"),
        (10, "needs exactly one of says, hears, calls, happens, absent, but has says and calls"),
        (12, "is not a regular expression"),
        (13, "sound: should be one of cough, hum, but is 'sneeze'"),
        (14, "has user and types: give each a turn of its own"),
    ):
        assert any(one.startswith(f"{line}: ") and part in one for one in found), (line, part, found)
    assert len(found) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a list", "a scenario is a mapping with name and turns, but this is a list"),
        ("name: [", "broken YAML"),
        ("name: x\nturns: []", "turns: "),
        ("name: x", "turns: is missing"),
        ("name: x\nturns:\n  - audio: a.wav\n", "audio needs user, with what the recording says"),
        ("name: x\nturns:\n  - cut_in: 3\n", "need something that the user does"),
        ("name: x\nturns:\n  - user: a\n    expect: {hears: a, outcome: completed}\n", "outcome goes with says"),
        ("name: x\nturns:\n  - keys: 12a4E\n", "keys: should match the pattern ^[0-9*#A-Da-d]+$, but is '12a4E'"),
    ],
)
def test_what_is_no_scenario_says_so(tmp_path, text, message):
    assert any(message in one for one in mistakes(tmp_path, text)), mistakes(tmp_path, text)


def test_what_it_sets_is_checked_before_anything_is_run(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\nset:\n  session.idle_s: 5\n  session.idel_s: 5\nturns: [{types: Hi.}]\n")
    (tmp_path / "b.yaml").write_text("name: b\nset:\n  session.idle_s: soon\nturns: [{types: Hi.}]\n")
    with pytest.raises(ScenarioError) as caught:
        evaluate(load_scenarios(tmp_path), on_result=lambda result: pytest.fail("was run"))
    first, second = map(str, caught.value.problems)
    assert first.startswith(f"{tmp_path / 'a.yaml'}:4: session.idel_s: there is no such setting, did you mean")
    assert second.startswith(f"{tmp_path / 'b.yaml'}:3: session.idle_s: should be a number")


def test_the_example_of_the_page_about_it_is_one_that_passes(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "evaluate.md"
    (tmp_path / "example.yaml").write_text(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)[0])
    (result,) = evaluate(load_scenarios(tmp_path))
    assert result.failures == []


def test_a_file_that_is_not_there_names_those_that_are():
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: there is no such file; give a path, or one of barge-in"):
        load_scenarios("nowhere.yaml")


def test_a_folder_is_all_its_files_and_names_are_not_given_twice(tmp_path):
    (tmp_path / "one.yaml").write_text(GOOD.format(name="one"))
    (tmp_path / "two.yaml").write_text(GOOD.format(name="two"))
    assert [written.scenario.name for written in load_scenarios(tmp_path)] == ["one", "two"]
    (tmp_path / "two.yaml").write_text(GOOD.format(name="one"))
    with pytest.raises(
        ScenarioError, match=r"two\.yaml:1: name: 'one' is the name of another scenario, at .*one\.yaml:1"
    ):
        load_scenarios(tmp_path)
