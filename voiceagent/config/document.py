"""YAML text as a tree in which every value knows where it was written.

Scalars follow YAML 1.2's core schema (https://yaml.org/spec/1.2.2/, section 10.3; whole numbers in decimal only), so
`no` and `12:30` are text and `1e-3` is a number. A duplicate key, a tag and an alias are mistakes.
This file does not know which settings exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import yaml

from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.origins import Origin

Loc = tuple[str | int, ...]
"""The way to a value: keys of mappings and indices of lists, outermost first."""

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, Callable[[str], object]] = {
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": lambda text: float(text.lower().replace(".inf", "inf").replace(".nan", "nan")),
    _TAG + "str": lambda text: text.encode().decode(),  # ValueError for half a surrogate pair, as in "\\ud800"
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value (a dict of nodes, a list of nodes, or a scalar) and the place where it, or its key, was written."""

    value: object
    origin: Origin

    @classmethod
    def single(cls, loc: Loc, value: object, origin: Origin) -> Node:
        """A tree of mappings that holds one value, at `loc`."""
        return cls({str(loc[0]): cls.single(loc[1:], value, origin)}, origin) if loc else cls(value, origin)

    def plain(self) -> object:
        """The value without the origins."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def overlaid(self, over: Node) -> Node:
        """This tree with `over` laid on it: mappings merge key by key, anything else replaces.

        A key that stands alone (its value is null) does not empty a mapping below it.
        """
        if not isinstance(self.value, dict) or not isinstance(over.value, dict | None):
            return over
        merged = dict(self.value)
        for key, node in (over.value or {}).items():
            merged[key] = merged[key].overlaid(node) if key in merged else node
        return Node(merged, over.origin)

    def at(self, loc: Loc) -> Node:
        """The node at `loc`, or the innermost one on the way to it."""
        children: Mapping[str | int, Node] = {}
        if isinstance(self.value, dict):
            children = self.value
        elif isinstance(self.value, list):
            children = dict(enumerate(self.value))
        child = children.get(loc[0]) if loc else None
        return child.at(loc[1:]) if child else self


def parse(
    text: str,
    origin: Callable[[int], Origin],
    problems: list[Problem],
    loc: Loc = (),
    include: Callable[[str], Node] | None = None,
) -> Node:
    """Read one YAML document (an empty one is null) that belongs at `loc`, asking `origin` what to call a line.

    `include` reads the file that `!include` names; without it that is a tag like others. Mistakes that leave the rest
    readable are added to `problems`; broken YAML raises ConfigError.
    """
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_broken(error, origin)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"this is not a text file: it holds the character U+{error.character:04X}"
        raise ConfigError([Problem(origin(line), "", message)]) from error
    except RecursionError as error:
        raise ConfigError([Problem(origin(1), "", "this is nested too deeply to be read")]) from error
    return _Builder(origin, problems, include).node(root, root, loc) if root else Node(None, origin(1))


def dotted(loc: Loc) -> str:
    """`("server", "ice_servers", 0, "urls")` as `server.ice_servers.0.urls`."""
    return ".".join(map(str, loc))


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # Settings need no aliases, and without them a document cannot expand in memory.
        if self.check_event(yaml.AliasEvent):
            mark = self.current_event.start_mark
            raise yaml.composer.ComposerError(None, None, "aliases are not read here, write the value out", mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {}  # PyYAML's own are YAML 1.1's
for _kind, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_pattern), _first)


class _Builder:
    """Turns PyYAML's nodes into ours, and records the mistakes."""

    def __init__(
        self, origin: Callable[[int], Origin], problems: list[Problem], include: Callable[[str], Node] | None
    ) -> None:
        self.origin = origin
        self.problems = problems
        self.include = include

    def node(self, place: yaml.Node, node: yaml.Node, loc: Loc) -> Node:
        return Node(self._value(node, loc), self.origin(place.start_mark.line + 1))

    def _value(self, node: yaml.Node, loc: Loc) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.node(item, item, (*loc, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag == "!include" and self.include is not None:
            return self.include(node.value).value
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            try:
                return _SCALARS[node.tag](node.value)
            except ValueError:
                self._problem(node, loc, "this cannot be read")
        else:
            self._problem(node, loc, f"tags such as {node.tag.replace(_TAG, '!!')} are not read here")
        return None

    def _mapping(self, mapping: yaml.MappingNode, loc: Loc) -> dict[str, Node]:
        data: dict[str, Node] = {}
        for key, value in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, loc, "a key must be a word, not a list or a mapping")
            elif key.value in data:
                first = data[key.value].origin
                self._problem(key, (*loc, key.value), f"is given twice, first at {first}; remove one")
            else:
                data[key.value] = self.node(key, value, (*loc, key.value))
        return data

    def _problem(self, node: yaml.Node, loc: Loc, message: str) -> None:
        self.problems.append(Problem(self.origin(node.start_mark.line + 1), dotted(loc), message))


def _broken(error: yaml.MarkedYAMLError, origin: Callable[[int], Origin]) -> Problem:
    mark = error.problem_mark
    assert mark is not None  # PyYAML's scanner, parser and composer always say where
    message = f"broken YAML at column {mark.column + 1}: {error.problem}"
    if error.context and error.context_mark:
        message += f" ({error.context} that begins in line {error.context_mark.line + 1})"
    if error.problem == "mapping values are not allowed here":
        message += "; check the indentation, and put text that contains a colon in quotes"
    return Problem(origin(mark.line + 1), "", message)
