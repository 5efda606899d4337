"""The effective settings as YAML that can be read back, each with its origin as a comment. Secrets are masked."""

import math
from functools import reduce
from pathlib import Path

import yaml
from pydantic import BaseModel

from voiceagent.config import schema
from voiceagent.config.document import Loc, dotted
from voiceagent.config.load import Loaded

COMMENT_COLUMN = 44
MASK = "(hidden)"
_INDENT = "  "


def show(loaded: Loaded) -> str:
    """One line per setting, in the order of the models, ending with a newline."""
    lines: list[str] = []
    above: Loc = ()
    for loc, field in schema.fields(type(loaded.settings)):
        new = [depth for depth in range(1, len(loc)) if loc[:depth] != above[:depth]]
        lines += [f"{_INDENT * (depth - 1)}{loc[depth - 1]}:" for depth in new]
        above = loc
        value = reduce(getattr, map(str, loc), loaded.settings)
        shown = one_line(value if field.repr or value is None else MASK)
        setting = f"{_INDENT * (len(loc) - 1)}{loc[-1]}: {shown}"
        lines.append(f"{setting:{COMMENT_COLUMN}}  # {loaded.origins[dotted(loc)]}")
    return "\n".join(lines) + "\n"


class _Dumper(yaml.SafeDumper):
    def represent_text(self, text: str) -> yaml.ScalarNode:
        # Plain only where it stays on one line, and where no reader of YAML could take it for a number.
        plain = text.isprintable() and text[:1].isalpha()
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)


def one_line(value: object) -> str:
    """Return a value as YAML in one line. Secrets are masked."""
    text = yaml.dump(
        _plain(value), Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf
    )
    return text.splitlines()[0]  # PyYAML ends a lone scalar with a line of dots


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        named = {name: (getattr(value, name), field) for name, field in type(value).model_fields.items()}
        return {name: _plain(item) if field.repr or item is None else MASK for name, (item, field) in named.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
