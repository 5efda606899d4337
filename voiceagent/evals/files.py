"""Scenario files: where a name leads, and what a file holds; mistakes are reported together, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from voiceagent.config import files
from voiceagent.config.document import Loc, Node, parse
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.explain import said
from voiceagent.config.origins import Origin, shown
from voiceagent.errors import VoiceAgentError
from voiceagent.evals import pipecat
from voiceagent.evals.mistakes import explain
from voiceagent.evals.scenario import Scenario


class ScenarioError(VoiceAgentError):
    """Scenarios cannot be read. `problems` holds every mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in ConfigError(problems).problems]
        if len(lines) > 1:
            lines = [f"{len(lines)} mistakes in the scenarios", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Written:
    """A scenario, and where each of its parts was written."""

    scenario: Scenario
    tree: Node
    folder: Path
    """What relative paths in it count from."""

    def place(self, loc: Loc = ()) -> str:
        """Return the file and line of what stands at `loc`, as in `scenarios/cough.yaml:12`."""
        return str(self.tree.at(loc).origin)


def shipped() -> Path:
    """Return the folder of the scenarios that come with voiceagent."""
    return files.shipped("scenarios")


def load_scenarios(*names: str | Path) -> list[Written]:
    """Read scenarios: files, folders of `*.yaml`, or names of those that come with voiceagent; without names, all of
    these. A file of `pipecat eval` may hold several.

    Raises ScenarioError with every mistake in all files.
    """
    problems: list[Problem] = []
    found = [written for path in _paths(names, problems) for written in _read(path, problems)]
    places: dict[str, str] = {}
    for written in found:
        first = places.setdefault(written.scenario.name, written.place(("name",)))
        if first != written.place(("name",)):
            message = f"{written.scenario.name!r} is the name of another scenario, at {first}; choose another"
            problems.append(Problem(written.tree.at(("name",)).origin, "name", message))
    if problems:
        raise ScenarioError(problems)
    return found


def _paths(names: Sequence[str | Path], problems: list[Problem]) -> list[Path]:
    paths: list[Path] = []
    for name in names or (shipped(),):
        path = Path(name).expanduser()
        for place in (path, shipped() / path, shipped() / f"{name}.yaml"):
            if place.is_dir():
                paths += sorted(place.glob("*.yaml"))
                break
            if place.is_file():
                paths.append(place)
                break
        else:
            known = ", ".join(sorted(path.stem for path in shipped().glob("*.yaml")))
            problems.append(Problem(Origin(str(name)), "", f"there is no such file; give a path, or one of {known}"))
            continue
        if not paths:
            problems.append(Problem(Origin(str(name)), "", "there is no *.yaml in this folder"))
    return list(dict.fromkeys(paths))


def _read(path: Path, problems: list[Problem]) -> list[Written]:
    mistakes: list[Problem] = []
    try:
        tree = _parsed(path, mistakes, (path.resolve(),))
    except ConfigError as error:
        problems += error.problems
        return []
    found: list[Written] = []
    for one in pipecat.translated(tree, mistakes) if pipecat.is_pipecat(tree) else [tree]:
        try:
            found.append(Written(Scenario.model_validate(one.plain()), one, path.parent))
        except ValidationError as error:
            listed = [details for details in error.errors() if details["type"] != "too_short" or not details["input"]]
            mistakes += [explain(Scenario, one, details) for details in listed]
    seen: set[tuple[Origin, str]] = set()
    for mistake in mistakes:
        if (mistake.origin, mistake.key) not in seen:
            problems.append(mistake)
        seen.add((mistake.origin, mistake.key))
    return found


def _parsed(path: Path, problems: list[Problem], within: tuple[Path, ...]) -> Node:
    """Return the tree of a file, a mapping, with the files that it includes. Raises ConfigError."""
    source = shown(path)

    def include(name: str) -> Node:
        other = (path.parent / name).resolve()
        if other in within:
            raise ConfigError([Problem(Origin(source), "", f"!include {name} goes round in a circle")])
        return _parsed(other, problems, (*within, other))

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError([Problem(Origin(source), "", "this is not a text file in UTF-8")]) from None
    except OSError as error:
        raise ConfigError([Problem(Origin(source), "", f"the file cannot be read: {error.strerror}")]) from error
    tree = parse(text, lambda line: Origin(source, line), problems, include=include)
    if not isinstance(tree.value, dict):
        message = f"a scenario is a mapping with name and turns, but this is {said(tree.value)}"
        raise ConfigError([Problem(tree.origin, "", message)])
    return tree
