"""A Pipecat client at the other end of a WebRTC call: RTVI over its data channel, whatever that is called."""

import json

from voiceagent.audio.pcm import Pcm
from voiceagent.config.doors import ReportedCalls
from voiceagent.doors.rtvi.conversation import RtviConversation
from voiceagent.doors.rtvi.envelope import Payload
from voiceagent.doors.rtvi.functions import ClientFunctions
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.session.reports import Report


class RtviClient:
    """One call's client."""

    def __init__(self, peer: Peer, functions: ClientFunctions, models: dict[str, str], calls: ReportedCalls) -> None:
        self._peer = peer
        self._conversation = RtviConversation(
            lambda: peer.session, self._send, lambda: peer.hang_up("hangup"), functions, models, calls
        )

    def connected(self) -> None:
        """Do nothing: the client says when it is ready."""

    def report(self, report: Report) -> None:
        """Tell the client what happens."""
        self._conversation.report(report)

    def receive(self, message: object) -> None:
        """Do what the client asks for."""
        self._conversation.receive(message)

    def user_audio(self, pcm: Pcm) -> None:
        """Do nothing: clients measure levels themselves."""

    def agent_audio(self, pcm: Pcm) -> None:
        """Do nothing, likewise."""

    def leave(self, reason: str) -> None:
        """Tell the client that the agent has left."""
        self._send({"type": "signalling", "message": {"type": "peerLeft"}})

    def _send(self, message: Payload) -> None:
        self._peer.send(json.dumps(message, ensure_ascii=False))
