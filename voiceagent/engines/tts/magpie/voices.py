"""Magpie's voices by name."""

from voiceagent.errors import VoiceAgentError

NAMES = ("john", "sofia", "aria", "jason", "leo")
"""In the order in which the checkpoints hold them (model card)."""
DEFAULT = "aria"


def voice_names(count: int) -> tuple[str, ...]:
    """Return the names of a checkpoint's `count` voices; those beyond the known ones are numbers."""
    return (*NAMES[:count], *map(str, range(len(NAMES), count)))


def voice_index(name: str | None, count: int) -> int:
    """Return the number of a voice among a checkpoint's `count`; None is the default.

    Raises VoiceAgentError, with their names, for any other.
    """
    known = voice_names(count)
    wanted = (name or DEFAULT).lower()
    if wanted not in known:
        raise VoiceAgentError(
            f"There is no voice {name!r} in this checkpoint. Set tts.voice to one of {', '.join(known)}."
        )
    return known.index(wanted)
