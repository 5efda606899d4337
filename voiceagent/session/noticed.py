"""What a step of the machine means to people, beyond its effects: who began or stopped speaking, which turn is over."""

from collections.abc import Iterator

from voiceagent.session.effects import ResponseKind
from voiceagent.session.events import Event, SpeechStarted, SpeechStopped
from voiceagent.session.reports import Report, ResponseStarted, UserStarted, UserStopped, UserTurnEnded
from voiceagent.session.state import State, User

ANSWERS = (ResponseKind.REPLY, ResponseKind.ASK_BACK)


def noticed(event: Event, before: State, after: State) -> Iterator[Report]:
    """Yield the reports of a step, which come before those of its effects."""
    if isinstance(event, SpeechStarted) and before.user is not User.SPEAKING and after.user is User.SPEAKING:
        yield UserStarted()
    if isinstance(event, SpeechStopped) and before.user is User.PAUSED and after.user is not User.PAUSED:
        yield UserStopped()
    old, new = before.response, after.response
    if new is None or not new.released:
        return
    if old is None or old.generation != new.generation or not old.released:
        if new.kind in ANSWERS:
            yield UserTurnEnded(before.turn, new.text)
        yield ResponseStarted(new.generation, new.kind)
