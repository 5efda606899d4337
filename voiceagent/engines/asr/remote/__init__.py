"""A recogniser in another voiceagent process."""
