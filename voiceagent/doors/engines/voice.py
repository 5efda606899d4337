"""A voice's stream for a conversation elsewhere: segments of text go in, audio with its words' times comes out."""

from voiceagent.doors.engines.wire import StreamWire
from voiceagent.doors.host import Host
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.remote.protocol import (
    Message,
    Payload,
    ProtocolError,
    audio_to,
    deadline_of,
    need_of,
    number_in,
)
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.errors import VoiceAgentError

MAX_TEXT_CHARS = 4_000


class RemoteVoice:
    """One stream. Raises UnavailableError when none can be lent."""

    def __init__(self, host: Host, wire: StreamWire, opening: Payload) -> None:
        self._wire = wire
        self._stream = host.open_voice(self._tell)

    def take(self, message: Message, now: float) -> None:
        """Take a message of the client. Raises ProtocolError."""
        match message:
            case bytes():
                raise ProtocolError("A voice takes no audio.")
            case {"type": "speak"}:
                self._speak(message, now)
            case {"type": "reschedule"}:
                need, deadline = need_of(message.get("need")), deadline_of(message, now)
                self._stream.reschedule(number_in(message, "generation"), deadline, need=need)
            case {"type": "cancel"}:
                self._stream.cancel(number_in(message, "generation"))
            case _:
                raise ProtocolError("A voice takes speak, reschedule and cancel.")

    def close(self) -> None:
        """Give the stream back."""
        self._stream.close()

    def _speak(self, message: Payload, now: float) -> None:
        generation, text = number_in(message, "generation"), message.get("text")
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARS:
            raise ProtocolError(f"text is a text of at most {MAX_TEXT_CHARS} characters.")
        try:
            self._stream.speak(
                generation,
                number_in(message, "segment"),
                text,
                deadline_of(message, now),
                need=need_of(message.get("need")),
                voice=_text_or_none(message, "voice"),
                language=_text_or_none(message, "language"),
            )
        except ProtocolError:
            raise
        except VoiceAgentError as error:
            self._tell(StreamFailed(generation, error))

    def _tell(self, event: TtsEvent) -> None:
        if isinstance(event, StreamFailed):
            self._wire.put({"type": "failed", "tag": event.tag, "message": str(event.error)})
        else:
            self._wire.put(*audio_to(event))


def _text_or_none(message: Payload, name: str) -> str | None:
    value = message.get(name)
    if value is not None and not isinstance(value, str):
        raise ProtocolError(f"{name} is a text or null.")
    return value
