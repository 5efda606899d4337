"""Settings from a YAML file, the files that it extends, the environment and `--set`, each value with its origin.

The later wins: defaults < `extends:` < the file < `VOICEAGENT_SECTION__KEY` < `--set section.key=value`. Mappings merge
key by key; lists are replaced. All mistakes, wherever they are, are reported together.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from voiceagent.config import files, overrides, schema
from voiceagent.config.document import Node, dotted
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.explain import explain, misshapen
from voiceagent.config.origins import DEFAULT, Origin
from voiceagent.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, and for each of them, by dotted key as in `llm.max_tokens`, where it was written."""

    settings: Settings
    origins: Mapping[str, Origin]


def load(name: str | Path, sets: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration `name`: a path, or a file in `configs/` named with or without `.yaml`.

    `sets` holds texts such as `llm.max_tokens=80`. Raises ConfigError with every mistake in all sources.
    """
    problems: list[Problem] = []
    tree = Node({}, DEFAULT)
    for layer in (
        *(Node.single(loc, field.default, DEFAULT) for loc, field in schema.fields()),
        *files.layers(str(name), problems),
        *overrides.from_environment(environ, problems),
        *overrides.from_options(sets, problems),
    ):
        problems += misshapen(layer)
        tree = tree.overlaid(layer)
    known = {(problem.origin, problem.key) for problem in problems}
    try:
        settings = Settings.model_validate(tree.plain())
    except ValidationError as error:
        found = [explain(details, tree) for details in error.errors()]
        problems += [problem for problem in found if (problem.origin, problem.key) not in known]
    if problems:
        raise ConfigError(problems)
    return Loaded(settings, {dotted(loc): tree.at(loc).origin for loc, _ in schema.fields()})
