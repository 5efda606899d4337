"""What a server sends for the secret with which a browser of its users is to connect."""

from typing import Annotated, Literal

from pydantic import Field

from voiceagent.doors.realtime.events.base import Part
from voiceagent.doors.realtime.events.session import Session

SHORTEST_S, LONGEST_S, USUAL_S = 10, 7_200, 600


class ExpiresAfter(Part):
    """How long the secret opens the door; a conversation that has begun goes on."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Field(ge=SHORTEST_S, le=LONGEST_S)] = USUAL_S


class SecretRequest(Part):
    """The body of a request for a client secret."""

    expires_after: ExpiresAfter = ExpiresAfter()
    session: Session = Session()
