"""Voices by name: those that an engine has, and what is said of one that it has not."""

from voiceagent.errors import VoiceAgentError


def voice_among(voices: tuple[str, ...], wanted: str | None) -> str:
    """Return the voice wanted, the first where that is None. Raises VoiceAgentError that names them for any other."""
    if wanted is None:
        return voices[0]
    if wanted not in voices:
        raise unknown_voice(wanted, voices)
    return wanted


def unknown_voice(wanted: str, voices: tuple[str, ...]) -> VoiceAgentError:
    """Return the error for a voice that is none of these."""
    return VoiceAgentError(f"There is no voice {wanted!r}. Choose one of {', '.join(voices)}.")
