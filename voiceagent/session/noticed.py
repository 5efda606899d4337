"""What a step of the machine means to people, beyond its effects: who began or stopped speaking, which turn is over."""

from collections.abc import Iterator

from voiceagent.session.effects import ResponseKind, ShowFloor, ShowNothing, ShowUser
from voiceagent.session.reports import (
    FloorChanged,
    NothingHeard,
    Report,
    ResponseStarted,
    UserStarted,
    UserStopped,
    UserText,
    UserTurnEnded,
)
from voiceagent.session.state import State

ANSWERS = (ResponseKind.REPLY, ResponseKind.ASK_BACK)


def noticed(before: State, after: State) -> Iterator[Report]:
    """Yield the reports of a step, which come before those of its effects."""
    if after.speaking is not before.speaking:
        yield UserStarted() if after.speaking else UserStopped()
    old, new = before.response, after.response
    if new is None or not new.released:
        return
    if old is None or old.generation != new.generation or not old.released:
        if new.kind in ANSWERS:
            yield UserTurnEnded(before.turn, new.text)
        yield ResponseStarted(new.generation, new.kind, new.request)


def shown(effect: ShowFloor | ShowUser | ShowNothing) -> Report:
    """Return the report that an effect asks for."""
    match effect:
        case ShowFloor(holder):
            return FloorChanged(holder)
        case ShowUser(turn, text, final):
            return UserText(turn, text, final)
        case ShowNothing(turn, failed):
            return NothingHeard(turn, failed)
