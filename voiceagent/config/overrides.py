"""Single settings from outside the files: `VOICEAGENT_LLM__MAX_TOKENS=80` and `--set llm.max_tokens=80`.

The text is read as YAML, except that a text setting takes the text as it is. Every mistake that can be
seen without the settings' types is added to `problems`.
"""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

from voiceagent.config import schema
from voiceagent.config.document import Loc, Node, dotted, parse
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.origins import SET_OPTION, Origin, environment

PREFIX = "VOICEAGENT_"
TOKEN = "VOICEAGENT_TOKEN"
"""The short name of VOICEAGENT_SERVER__TOKEN, as a container or a shell is given it."""
_NOT_A_SETTING = "VOICEAGENT_WEIGHTS_DIR"  # read by the weights' store; without this it looks like weights.dir mistyped


def from_environment(environ: Mapping[str, str], problems: list[Problem], settings: type[BaseModel]) -> Iterator[Node]:
    """A tree for each variable that means a setting.

    A name without a double underscore is not ours (Kubernetes creates such ones), unless it spells a setting.
    """
    mistyped = {_variable(loc, "_"): _variable(loc, "__") for loc, _ in schema.fields(settings)}
    for name in sorted(name for name in environ if name.startswith(PREFIX) and name != _NOT_A_SETTING):
        if name == TOKEN:
            if environ[name]:
                yield Node.single(("server", "token"), environ[name], environment(name))
        elif "__" in name:
            loc = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield _override(loc, environ[name], environment(name), problems, settings)
        elif name in mistyped:
            message = f"a setting's variable has two underscores after the section: {mistyped[name]}"
            problems.append(Problem(environment(name), "", message))


def from_options(sets: Sequence[str], problems: list[Problem], settings: type[BaseModel]) -> Iterator[Node]:
    """A tree for each `section.key=value`."""
    for text in sets:
        key, equals, value = text.partition("=")
        if equals:
            yield _override(tuple(key.strip().split(".")), value, SET_OPTION, problems, settings)
        else:
            problems.append(Problem(SET_OPTION, text, "a setting is given as in llm.max_tokens=80"))


def _variable(loc: Loc, separator: str) -> str:
    return PREFIX + separator.join(map(str, loc)).upper()


def _override(loc: Loc, text: str, origin: Origin, problems: list[Problem], settings: type[BaseModel]) -> Node:
    """A tree that holds only what `text` means at `loc`."""
    field = schema.field_at(settings, loc)
    try:
        text.encode()
    except UnicodeEncodeError:
        problems.append(Problem(origin, dotted(loc), "this is not text in UTF-8"))
        return Node({}, origin)
    if field and schema.takes_null(field) and text in schema.texts_for_null(field):
        return Node.single(loc, None, origin)
    if field and schema.takes_text(field):
        return Node.single(loc, _unquoted(text), origin)
    try:
        return Node.single(loc, parse(text, lambda line: origin, problems, loc).value, origin)
    except ConfigError as error:
        problems.extend(Problem(origin, dotted(loc), problem.message) for problem in error.problems)
        return Node.single(loc, None, origin)


def _unquoted(text: str) -> str:
    """The text itself, less the quotes around it if YAML sees one quoted text."""
    try:
        value = parse(text, lambda line: SET_OPTION, []).value if text.startswith(("'", '"')) else text
    except ConfigError:
        return text
    return value if isinstance(value, str) else text
