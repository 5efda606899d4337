"""Voices by name."""

from voiceagent.errors import VoiceAgentError


def voice_among(voices: tuple[str, ...], wanted: str | None) -> str:
    """Return the voice `wanted`, in upper or lower case, or the first for None.

    Raises VoiceAgentError, with the voices' names, for any other.
    """
    if wanted is None:
        return voices[0]
    known = {voice.casefold(): voice for voice in voices}
    if wanted.casefold() not in known:
        raise VoiceAgentError(f"There is no voice {wanted!r}. Choose one of {', '.join(voices)}.")
    return known[wanted.casefold()]
