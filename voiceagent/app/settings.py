"""Settings with the available engines: those that come with voiceagent, and those of installed packages."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voiceagent.config import Loaded, Settings
from voiceagent.config.concrete import settings_model
from voiceagent.config.load import load
from voiceagent.config.settings import ENGINE_SECTIONS
from voiceagent.engines.registry import GIVEN, engine_models, specs
from voiceagent.errors import VoiceAgentError


def load_settings(name: str | Path, sets: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration `name`, with `sets` such as `llm.max_tokens=80` over it.

    Raises ConfigError with every mistake.
    """
    return load(name, sets, environ, engines=engine_models())


def default_settings(**sections: Any) -> Settings:
    """Return the default settings, with some sections replaced; engines are those of the sections."""
    engines = {name: sections[name].engine for name in sections.keys() & ENGINE_SECTIONS.keys()}
    return settings_model(engine_models(), engines)(**sections)


def agent_settings(config: str | Path | Settings, changes: Mapping[str, Any], engines: Mapping[str, Any]) -> Settings:
    """Return the settings of an agent that is made in a program.

    `changes` are settings by their dotted name, such as {"llm.max_tokens": 80}. `engines` are by section the name of a
    backend, or an engine: an object that keeps the contract. Raises ConfigError, or VoiceAgentError for an unknown
    section.
    """
    named = {f"{section}.engine": engine for section, engine in engines.items() if isinstance(engine, str)}
    changes = {**named, **changes}
    if isinstance(config, Settings):
        settings = _changed_by_name(config, changes)
    else:
        settings = load_settings(config, [f"{name}={_as_text(value)}" for name, value in changes.items()]).settings
    for section, engine in engines.items():
        if not isinstance(engine, str):
            try:
                settings = changed(settings, section, {"engine": GIVEN, "instance": engine})
            except ValidationError as error:
                problems = (problem["msg"].removeprefix("Value error, ") for problem in error.errors())
                raise VoiceAgentError("; ".join(f"{section}.{problem}" for problem in problems)) from error
    return settings


def changed(settings: Settings, section: str, change: Mapping[str, Any]) -> Settings:
    """Return the settings with some of a section's changed; another `engine` begins with its own defaults and what all
    engines of the kind have in common. Raises pydantic's ValidationError for an impossible value.
    """
    now = getattr(settings, section)
    engine = change.get("engine", getattr(now, "engine", None))
    if engine != getattr(now, "engine", None):
        common = now.model_dump(include=set(ENGINE_SECTIONS[section].model_fields) - {"engine"})
        then: Any = specs()[section, engine].settings(**common | dict(change))
    else:
        then = type(now)(**{name: getattr(now, name) for name in type(now).model_fields} | dict(change))
    return settings.model_copy(update={section: then})


def _changed_by_name(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    for section, change in sections.items():
        try:
            settings = changed(settings, section, change)
        except (ValidationError, AttributeError, KeyError) as error:
            names = ", ".join(change)  # without the values: a token may be among them
            raise VoiceAgentError(f"{section} cannot be changed to these settings ({names}): {error}") from error
    return settings


def _as_text(value: Any) -> str:
    """Return a value as it is written after `--set KEY=`."""
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
