"""For whom a step is, in the log: engines and scheduler know streams, and only the application whose they are."""

from weakref import WeakKeyDictionary

from voiceagent.engines.contract import Batch
from voiceagent.session.coordinator import Session
from voiceagent.session.named import log_fields

Sessions = WeakKeyDictionary[Session, None]
"""The sessions that there are. Unlike a WeakSet it can be looked through while another thread adds to it."""


def concerned(sessions: Sessions, batch: Batch) -> dict[str, object]:
    """Return the log fields of a step: session and turn, or `sessions` where it is one step for several callers.

    On any thread. A step for nobody's session, such as a recording that is transcribed, has none.
    """
    streams = {(batch.lane, number) for number in batch.streams}
    there = [session for known in sessions.keyrefs() if (session := known()) is not None]
    theirs = [session for session in there if not session.streams.isdisjoint(streams)]
    if len(theirs) == 1:
        return log_fields(theirs[0])
    return {"sessions": ",".join(session.id for session in theirs)} if theirs else {}
