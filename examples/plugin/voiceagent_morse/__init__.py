"""A voice for voiceagent that speaks in Morse code."""
