"""A voice in another voiceagent process: segments go there as text, audio and word times come back.

Segments of which no audio has come are spoken again over a new connection. A generation of which some has come is lost
with its connection: another voice's second attempt would not be the same sound.
"""

from collections.abc import Callable, Iterable
from typing import Any

from voiceagent.audio.pcm import from_s16
from voiceagent.engines.contract import HOLD, Need, StreamFailed
from voiceagent.engines.remote.engine import RemoteEngine
from voiceagent.engines.remote.protocol import Message, Payload, audio_from, in_s
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.remote.stream import RemoteStream, Request
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.engines.tts.voices import voice_among
from voiceagent.errors import VoiceAgentError


class SpeechMemory:
    """The segments that have not been spoken to their end. On the link's thread."""

    def __init__(self, on_broken: Callable[[int, str], None]) -> None:
        self._on_broken = on_broken
        self._asked: dict[int, dict[int, Payload]] = {}
        """By generation and segment."""
        self._begun: set[int] = set()
        """Generations with a segment of which a part has come."""
        self._timing: dict[int, Payload] = {}
        """The newest deadline of a generation."""

    def posted(self, message: Message) -> None:
        """Remember a segment; forget a generation that was cancelled."""
        assert not isinstance(message, bytes)
        generation = message["generation"]
        match message["type"]:
            case "speak":
                self._asked.setdefault(generation, {})[message["segment"]] = message
            case "reschedule":
                self._timing[generation] = message
            case "cancel":
                self._forget(generation)

    def arrived(self, message: Payload) -> None:
        """Forget a segment with its last audio."""
        generation = message.get("generation", message.get("tag"))
        if generation not in self._asked:
            return
        if message["type"] == "failed":
            self._forget(generation)
        elif message.get("final"):
            self._begun.discard(generation)
            self._asked[generation].pop(message.get("segment", -1), None)
            if not self._asked[generation]:
                self._forget(generation)
        else:
            self._begun.add(generation)

    def lost(self, reason: str) -> None:
        """Report the generations that are broken off."""
        for generation in tuple(self._begun):
            self._forget(generation)
            self._on_broken(generation, reason)

    def replay(self) -> Iterable[Message]:
        """Return the segments that are still to be spoken."""
        yield {"type": "open"}
        for generation, segments in self._asked.items():
            yield from segments.values()
            if generation in self._timing:
                yield self._timing[generation]

    def _forget(self, generation: int) -> None:
        self._asked.pop(generation, None)
        self._timing.pop(generation, None)
        self._begun.discard(generation)


class RemoteTts(RemoteEngine):
    """The voice of the process that the settings name."""

    def __init__(self, settings: RemoteSettings) -> None:
        super().__init__("tts", settings)

    @property
    def sample_rate(self) -> int:
        """Sample rate of its audio in Hz. Raises VoiceAgentError before it is loaded."""
        return int(self.known["sample_rate"])

    @property
    def voices(self) -> tuple[str, ...]:
        """Its voices, the default first. Raises VoiceAgentError before it is loaded."""
        return tuple(self.known["voices"])

    def open(self, on_event: Callable[[TtsEvent], None]) -> "RemoteTtsStream":
        """Start speaking for one session."""
        return RemoteTtsStream(self, next(self._stream_ids), on_event)

    def ends_part(self, event: Any) -> bool:
        """A segment's last piece is its end."""
        return isinstance(event, SpeechAudio) and event.final

    def greeted(self, hello: Payload, before: Payload | None) -> str | None:
        """Return what is wrong where another voice is there than before: sessions play at the first one's rate."""
        rate = int(hello["sample_rate"])
        if before is not None and rate != before["sample_rate"]:
            return f"speaks at {rate} Hz now, and at {before['sample_rate']} Hz before: restart this process"
        return None


class RemoteTtsStream(RemoteStream):
    """One session's voice."""

    def __init__(self, engine: RemoteTts, number: int, on_event: Callable[[TtsEvent], None]) -> None:
        self._tts = engine
        super().__init__(engine, number, on_event, Need.PROMISED, SpeechMemory(self._on_broken))

    def speak(
        self,
        generation: int,
        segment: int,
        text: str,
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        voice: str | None = None,
        language: str | None = None,
    ) -> None:
        """Synthesise one segment, after the earlier ones of its generation. Raises VoiceAgentError for a voice that
        there is not."""
        message: Payload = {
            "type": "speak",
            "generation": generation,
            "segment": segment,
            "text": text,
            "need": need.name.lower(),
            "voice": voice_among(self._tts.voices, voice),
            "language": language,
        }
        if (request := self._tts.find(self, generation)) is None:
            request = Request(self, generation, deadline, need, generation, parts=0)
            request.parts += 1
            request.unsent.append(message)
            self._tts.submit(request)
        else:
            request.parts += 1
            request.unsent.append(message)
            self._tts.changed()

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the generation's next audio."""
        if (request := self._tts.find(self, generation)) is None:
            return
        was_held, request.deadline, request.need = request.deadline == HOLD, deadline, need
        if request.since is not None:
            if was_held:
                request.resume()
            now = self._tts.clock()
            self.post(
                {
                    "type": "reschedule",
                    "generation": generation,
                    "in_s": in_s(deadline, now),
                    "need": need.name.lower(),
                }
            )
        self._tts.changed()

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments."""
        self._tts.drop(self, generation)

    def told_to_drop(self, request: Request) -> None:
        """Have the other process drop the generation."""
        if request.since is not None:
            self.post({"type": "cancel", "generation": request.tag})

    def take(self, event: Any) -> None:
        """Take a piece of audio, unless its generation was dropped."""
        if isinstance(event, SpeechAudio):
            if (request := self._tts.find(self, event.generation)) is not None:
                request.receive(event)
            return
        super().take(event)

    def event_of(self, message: Payload, audio: bytes) -> Any:
        """Return a piece of audio."""
        return audio_from(message, from_s16(audio)) if message["type"] == "audio" else super().event_of(message, audio)

    def _on_broken(self, generation: int, reason: str) -> None:
        error = VoiceAgentError(f"{self._tts.title} broke off: the process {reason}")
        self.arrive(StreamFailed(generation, error))
