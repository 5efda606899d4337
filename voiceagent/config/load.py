"""Settings from a YAML file, the files that it extends, the environment and `--set`, each value with its origin.

The later wins: defaults < `extends:` < the file < `VOICEAGENT_SECTION__KEY` < `--set section.key=value`. Mappings merge
key by key; lists are replaced. All mistakes, wherever they are, are reported together.

Which engines are named decides which settings there are. Where a file, or what comes from outside the files, names
another engine than the file that it extends, the settings of the engine that is replaced stay behind; what all engines
of the kind have in common is kept.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pydantic import BaseModel, ValidationError

from voiceagent.config import files, overrides, schema
from voiceagent.config.concrete import EngineModels, default_engines, settings_model
from voiceagent.config.document import Node, dotted
from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.explain import Explainer
from voiceagent.config.origins import DEFAULT, SET_OPTION, Origin
from voiceagent.config.settings import ENGINE_SECTIONS, Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, and for each of them, by dotted key as in `llm.max_tokens`, where it was written."""

    settings: Settings
    origins: Mapping[str, Origin]


def load(
    name: str | Path, sets: Sequence[str] = (), environ: Mapping[str, str] = os.environ, *, engines: EngineModels
) -> Loaded:
    """Read the configuration `name`: a path, or a file in `configs/` named with or without `.yaml`.

    `sets` holds texts such as `llm.max_tokens=80`; `engines` are those that a section may name, the default first.
    Raises ConfigError with every mistake in all sources.
    """
    problems: list[Problem] = []
    written = files.layers(str(name), problems)

    def outside(model: type[BaseModel], problems: list[Problem]) -> Node:
        """Return the environment and `--set` as one layer, in which no engine replaces another."""
        parts = [
            *overrides.from_environment(environ, problems, model),
            *overrides.from_options(sets, problems, model),
        ]
        return reduce(Node.overlaid, parts, Node({}, SET_OPTION))

    # Whether an engine's key is text or a number is known only once the engines are.
    named = _named([*written, outside(settings_model(engines, {}), [])], engines, problems)
    model = settings_model(engines, named[-1])
    tree = Node({}, DEFAULT)
    layers = [*written, outside(model, problems)]
    for layer, now, before in zip(layers, named, [default_engines(engines), *named], strict=False):
        problems += Explainer(model, tree, engines).misshapen(layer)
        replaced = [section for section in ENGINE_SECTIONS if now[section] != before[section]]
        tree = reduce(_keep_common, replaced, tree).overlaid(layer)
    defaults = (
        Node.single(loc, field.get_default(call_default_factory=True), DEFAULT)
        for loc, field in schema.fields(model)
        if not field.is_required()
    )
    tree = reduce(Node.overlaid, defaults, Node({}, DEFAULT)).overlaid(tree)
    known = {(problem.origin, problem.key) for problem in problems}
    try:
        settings = model.model_validate(tree.plain())
    except ValidationError as error:
        found = [Explainer(model, tree, engines).explain(details) for details in error.errors()]
        problems += [problem for problem in found if (problem.origin, problem.key) not in known]
    if problems:
        raise ConfigError(problems)
    return Loaded(settings, {dotted(loc): tree.at(loc).origin for loc, _ in schema.fields(model)})


def _named(layers: Sequence[Node], models: EngineModels, problems: list[Problem]) -> list[dict[str, str]]:
    """Return the engines of every section as each layer leaves them; an unknown engine is a problem."""
    engines = default_engines(models)
    named: list[dict[str, str]] = []
    for layer in layers:
        for section in ENGINE_SECTIONS:
            node = layer.at((section, "engine"))
            if not isinstance(node.value, str):
                continue
            if node.value in models[section]:
                engines = engines | {section: node.value}
                continue
            meant = difflib.get_close_matches(node.value, models[section], n=1)
            message = f"should be one of {', '.join(models[section])}, but is {node.value!r}"
            problems.append(
                Problem(node.origin, f"{section}.engine", message + (f"; did you mean {meant[0]}?" if meant else ""))
            )
        named.append(engines)
    return named


def _keep_common(tree: Node, section: str) -> Node:
    """Return the tree with only what all engines of a section have in common, in that section."""
    node = tree.at((section,))
    assert isinstance(tree.value, dict)
    if section not in tree.value or not isinstance(node.value, dict):
        return tree
    common = ENGINE_SECTIONS[section].model_fields
    kept = {key: value for key, value in node.value.items() if key in common}
    return Node(tree.value | {section: Node(kept, node.origin)}, tree.origin)
