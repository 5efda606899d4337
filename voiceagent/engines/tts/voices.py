"""Voices by name."""

from voiceagent.errors import VoiceAgentError


def voice_among(voices: tuple[str, ...], wanted: str | None) -> str:
    """Return the voice wanted, the first where that is None. Raises VoiceAgentError that names them for any other."""
    if wanted is None:
        return voices[0]
    if wanted not in voices:
        raise VoiceAgentError(f"There is no voice {wanted!r}. Choose one of {', '.join(voices)}.")
    return wanted
