"""Settings with the engines that there are: those that come with voiceagent, and those of installed packages."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voiceagent.config import Loaded, Settings
from voiceagent.config.concrete import settings_model
from voiceagent.config.load import load
from voiceagent.config.settings import ENGINE_SECTIONS
from voiceagent.engines.registry import engine_models


def load_settings(name: str | Path, sets: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration `name`, with `sets` such as `llm.max_tokens=80` over it.

    Raises ConfigError with every mistake.
    """
    return load(name, sets, environ, engines=engine_models())


def default_settings(**sections: Any) -> Settings:
    """Return the settings that hold without a file, with some sections replaced; engines are those of the sections."""
    engines = {name: sections[name].engine for name in sections.keys() & ENGINE_SECTIONS.keys()}
    return settings_model(engine_models(), engines)(**sections)


def changed(settings: Settings, section: str, change: Mapping[str, Any]) -> Settings:
    """Return the settings with some of a section's changed; another `engine` begins with its own defaults and what all
    engines of the kind have in common.
    """
    now = getattr(settings, section)
    if (engine := change.get("engine", getattr(now, "engine", None))) != getattr(now, "engine", None):
        common = now.model_dump(include=set(ENGINE_SECTIONS[section].model_fields) - {"engine"})
        then: Any = engine_models()[section][engine](**common | dict(change))
    else:
        then = now.model_copy(update=dict(change))
    return settings.model_copy(update={section: then})
