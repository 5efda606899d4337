"""A voice in another voiceagent process."""
