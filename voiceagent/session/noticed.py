"""What the machine's steps mean to people who watch."""

from collections.abc import Iterator

from voiceagent.session.effects import SetAside, ShowFloor, ShowNothing, ShowUser
from voiceagent.session.reports import (
    FloorChanged,
    NothingHeard,
    Report,
    UserStarted,
    UserStopped,
    UserText,
    UserTextWithdrawn,
)
from voiceagent.session.state import State


def noticed(before: State, after: State) -> Iterator[Report]:
    """Yield the reports of a step, which come before those of its effects."""
    if after.speaking is not before.speaking:
        yield UserStarted() if after.speaking else UserStopped()


def shown(effect: ShowFloor | ShowUser | ShowNothing | SetAside) -> Report:
    """Return the report that an effect asks for."""
    match effect:
        case ShowFloor(holder):
            return FloorChanged(holder)
        case ShowUser(turn, text, final):
            return UserText(turn, text, final)
        case ShowNothing(turn, failed):
            return NothingHeard(turn, failed)
        case SetAside(turn, text):
            return UserTextWithdrawn(turn, text)
