"""The settings of a process with certain engines: an engine's section has that engine's settings and no others.

Knows no engine: the engines and their settings are passed in.
"""

from collections.abc import Mapping
from functools import lru_cache

from pydantic import Field, create_model

from voiceagent.config.settings import ENGINE_SECTIONS, EngineSettings, Settings

EngineModels = Mapping[str, Mapping[str, type[EngineSettings]]]
"""Section -> name of an engine -> its settings. The first engine of a section is the default."""


def default_engines(models: EngineModels) -> dict[str, str]:
    """Return the default engine of each section."""
    return {section: next(iter(models[section])) for section in ENGINE_SECTIONS}


def settings_model(models: EngineModels, engines: Mapping[str, str]) -> type[Settings]:
    """Return the model of the settings with these engines, by section; the default where one is not named."""
    names = default_engines(models) | dict(engines)
    return _model(tuple((section, models[section][names[section]]) for section in ENGINE_SECTIONS))


@lru_cache(maxsize=64)
def _model(sections: tuple[tuple[str, type[EngineSettings]], ...]) -> type[Settings]:
    fields = {section: (model, Field(default_factory=model)) for section, model in sections}
    return create_model("Settings", __base__=Settings, __doc__=Settings.__doc__, **fields)  # type: ignore[call-overload, no-any-return]
