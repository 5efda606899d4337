"""voiceagent: a spoken-conversation agent in one process."""

__version__ = "0.1.0"
