"""Configuration files: where a name leads, what a file holds, and the chain of files that it extends.

A name is a path, or a file in the `configs/` that comes with voiceagent. Every mistake is added to `problems`.
"""

from pathlib import Path

from voiceagent.config.document import Node, parse
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.explain import said
from voiceagent.config.origins import Origin, shown

_PACKAGE = Path(__file__).parents[1]


def layers(name: str, problems: list[Problem]) -> list[Node]:
    """The trees of the file `name` and of those that it extends, the farthest first."""
    path = _find(name, beside=Path())
    if path is None:
        problems.append(Problem(Origin(name), "", f"there is no such file; {_available()}"))
    trees: list[Node] = []
    seen: list[Path] = []
    while path:
        seen.append(path.resolve())
        tree = _read(path, problems)
        trees.insert(0, tree)
        path = _extended(tree, path.parent, seen, problems)
    return trees


def shipped(what: str = "configs") -> Path:
    """The folder of the configurations that come with voiceagent: inside the installed package, or in a checkout."""
    installed = _PACKAGE / what
    return installed if installed.is_dir() else _PACKAGE.parent / what


def _find(name: str, beside: Path) -> Path | None:
    for path in (beside / name, shipped() / name, shipped() / f"{name}.yaml"):
        try:
            if path.exists() and not path.is_dir():
                return path
        except (OSError, ValueError):  # a name too long, a forbidden folder, a NUL: no such file
            continue
    return None


def _available() -> str:
    names = sorted(path.name for path in shipped().glob("*.yaml"))
    return f"give a path, or one of {', '.join(names)} (in {shown(shipped())})"


def _read(path: Path, problems: list[Problem]) -> Node:
    """The tree of one file: a mapping, empty where the file cannot be read."""
    source = shown(path)
    try:
        tree = parse(path.read_bytes().decode("utf-8-sig"), lambda line: Origin(source, line), problems)
        if isinstance(tree.value, dict):
            return tree
        if tree.value is not None:
            message = f"a configuration is made of sections, as in `llm:`, but this is {said(tree.value)}"
            problems.append(Problem(tree.origin, "", message))
    except ConfigError as error:
        problems.extend(error.problems)
    except UnicodeDecodeError:
        problems.append(Problem(Origin(source), "", "this is not a text file in UTF-8"))
    except OSError as error:
        problems.append(Problem(Origin(source), "", f"the file cannot be read: {error.strerror}"))
    return Node({}, Origin(source))


def _extended(tree: Node, folder: Path, seen: list[Path], problems: list[Problem]) -> Path | None:
    """Take `extends` out of a file's tree, and find the file that it names."""
    assert isinstance(tree.value, dict)
    extends: Node | None = tree.value.pop("extends", None)
    if extends is None:
        return None
    if not isinstance(extends.value, str):
        message = f"should be the name of a file, but is {said(extends.value)}"
    elif (path := _find(extends.value, folder)) is None:
        message = f"there is no file {extends.value}; {_available()}"
    elif path.resolve() in seen:
        circle = " -> ".join(shown(step) for step in [*seen, path.resolve()])
        message = f"goes round in a circle: {circle}"
    else:
        return path
    problems.append(Problem(extends.origin, "extends", message))
    return None
