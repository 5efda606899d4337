"""A session's name in the log, and the turn that a line is about."""

from typing import Protocol

from voiceagent.session.state import State


class Named(Protocol):
    """A session, as far as the log is concerned."""

    id: str

    @property
    def state(self) -> State:
        """Where it is."""


def turn_of(state: State) -> int:
    """Return the turn that is being answered, or else the one that is listened to; 0 while the agent greets."""
    response = state.response
    return state.turn - 1 if response is not None and response.released else state.turn


def log_fields(session: Named) -> dict[str, object]:
    """Return what every line about a session carries."""
    return {"session": session.id, "turn": turn_of(session.state)}
