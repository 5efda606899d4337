"""A Realtime conversation over WebRTC: events on the data channel, audio beside it."""

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.realtime.client import RealtimeClient
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.session.reports import Report


class Call:
    """One caller: the client of a peer's data channel."""

    def __init__(self, peer: Peer, client: RealtimeClient) -> None:
        self._peer = peer
        self._client = client

    def connected(self) -> None:
        """Introduce the session."""
        self._client.begin(self._peer.session)

    def report(self, report: Report) -> None:
        """Tell the client."""
        self._client.report(report)

    def receive(self, message: object) -> None:
        """Carry out an event."""
        self._client.receive(message)

    def user_audio(self, pcm: Pcm) -> None:
        """The session hears this."""
        self._client.heard(pcm)

    def agent_audio(self, pcm: Pcm) -> None:
        """The caller is sent this."""
        self._client.speaking.plays(len(pcm) * 1000 / self._peer.session.playout.rate, sounding=bool(np.any(pcm)))

    def leave(self, reason: str) -> None:
        """Nothing is said: the connection ends."""
