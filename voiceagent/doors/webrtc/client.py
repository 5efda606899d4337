"""What a door gives a WebRTC call: the user of its data channel."""

from typing import Protocol

from voiceagent.audio.pcm import Pcm
from voiceagent.session.reports import Report


class Client(Protocol):
    """The user of the caller's data channel, which may also watch the audio."""

    def connected(self) -> None:
        """Audio can flow; comes once, just before the session opens."""

    def report(self, report: Report) -> None:
        """The session reports something; this may come before `connected`."""

    def receive(self, message: object) -> None:
        """A message came, text or bytes."""

    def user_audio(self, pcm: Pcm) -> None:
        """The session hears this audio."""

    def agent_audio(self, pcm: Pcm) -> None:
        """The caller is sent this audio."""

    def leave(self, reason: str) -> None:
        """The connection ends; messages can still be sent."""
