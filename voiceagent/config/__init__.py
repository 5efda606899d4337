"""Settings: what can be configured, and the origin of each value."""

from voiceagent.config.errors import ConfigError, Problem
from voiceagent.config.load import Loaded
from voiceagent.config.origins import Origin
from voiceagent.config.settings import Settings
from voiceagent.config.show import show

__all__ = ["ConfigError", "Loaded", "Origin", "Problem", "Settings", "show"]
