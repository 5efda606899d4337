"""The facts that a session is told to keep in mind, whatever is dropped or configured meanwhile. Pure."""

from voiceagent.errors import VoiceAgentError


def pinned(facts: tuple[str, ...], fact: str) -> tuple[str, ...]:
    """Return the facts with one more, or the same if it is among them. Raises VoiceAgentError for one without words."""
    fact = " ".join(fact.split())
    if not fact:
        raise VoiceAgentError("A fact without words cannot be pinned.")
    return facts if fact in facts else (*facts, fact)


def unpinned(facts: tuple[str, ...], fact: str) -> tuple[str, ...]:
    """Return the facts without one of them. Raises VoiceAgentError, listing them, for another."""
    fact = " ".join(fact.split())
    if fact not in facts:
        raise VoiceAgentError(f"{fact!r} is not pinned. Pinned: {', '.join(map(repr, facts)) or 'nothing'}.")
    return tuple(other for other in facts if other != fact)
