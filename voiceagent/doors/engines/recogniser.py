"""A recogniser's stream for a conversation elsewhere: its audio and its commands go in, transcripts come out."""

from voiceagent.audio.pcm import from_s16
from voiceagent.doors.engines.wire import StreamWire
from voiceagent.doors.host import Host
from voiceagent.engines.asr.contract import AsrEvent, Transcript
from voiceagent.engines.remote.protocol import (
    Message,
    Payload,
    ProtocolError,
    deadline_of,
    need_of,
    number_in,
    transcript_to,
)


class RemoteRecogniser:
    """One stream. Raises UnavailableError when none can be lent, ProtocolError for a bad opening message."""

    def __init__(self, host: Host, wire: StreamWire, opening: Payload) -> None:
        self._wire = wire
        self._partials = opening.get("partials", True) is not False
        self._turn = number_in({"turn": 0, **opening}, "turn")
        self._stream = host.open_recogniser(self._tell, need_of(opening.get("need", "promised")))

    def take(self, message: Message, now: float) -> None:
        """Take a message of the client. Raises ProtocolError, AudioError."""
        match message:
            case bytes():
                self._stream.push(from_s16(message))
            case {"type": "begin_speech"}:
                self._stream.begin_speech()
            case {"type": "finalise"}:
                self._stream.finalise(number_in(message, "fork"), deadline_of(message, now))
            case {"type": "commit"}:
                self._turn += 1
                self._stream.commit()
            case _:
                raise ProtocolError("A recogniser takes audio, and begin_speech, finalise and commit.")

    def close(self) -> None:
        """Give the stream back."""
        self._stream.close()

    def _tell(self, event: AsrEvent) -> None:
        if not isinstance(event, Transcript):
            self._wire.put({"type": "failed", "tag": event.tag, "message": str(event.error)})
        elif event.fork is not None or self._partials:
            self._wire.put(transcript_to(event, self._turn))
