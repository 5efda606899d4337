"""Speech to text for one client: transcribe, audio-start, audio-chunk, audio-stop; transcripts as they are made."""

from collections.abc import Awaitable, Callable

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.event import Event, Eventable

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.host import Host
from voiceagent.doors.speech.transcriber import Transcriber, Utterance
from voiceagent.doors.wyoming.languages import language_among
from voiceagent.doors.wyoming.sound import Ears, require_format
from voiceagent.errors import VoiceAgentError


class Transcription:
    """One stream of audio after the other. A stream that was refused is passed over to its end.

    Its methods raise VoiceAgentError with the reason.
    """

    def __init__(self, host: Host, send: Callable[[Eventable], Awaitable[None]]) -> None:
        self._host = host
        self._send = send
        self._transcriber: Transcriber | None = None
        self._refused = False
        self._new: list[str] = []
        """Utterances that have not been sent."""
        self._sent = ""

    @property
    def under_way(self) -> bool:
        """Whether audio is expected."""
        return self._transcriber is not None

    def ask(self, event: Event) -> None:
        """Take `transcribe`: the model and the language must be what there is."""
        asked = Transcribe.from_event(event)
        self._refused = True
        language_among((self._host.config.language,), asked.language)
        if asked.name not in (None, model := self._host.models["asr"]):
            raise BadRequestError("unknown-model", f"The model {str(asked.name)[:40]!r} is not here; there is {model}.")
        self._refused = False

    async def start(self, event: Event) -> None:
        """Take `audio-start`."""
        if self._transcriber is not None:
            raise BadRequestError("out-of-order", "The audio has started already: send audio-stop first.")
        if self._refused:
            return
        self._refused = True
        require_format(event)
        await self._open()
        self._refused = False

    async def hear(self, event: Event) -> None:
        """Take `audio-chunk`; the first one opens the stream where no `audio-start` did."""
        if self._refused:
            return
        transcriber = self._transcriber or await self._open()
        try:
            await transcriber.push(self._ears.hear(event))
        except VoiceAgentError:
            self.close()
            self._refused = True
            raise
        await self._send_new()

    async def stop(self) -> None:
        """Take `audio-stop`: send the transcript."""
        if self._refused:
            self._refused = False
            return
        if self._transcriber is None:
            raise BadRequestError("out-of-order", "There is no audio to transcribe: send audio-start and audio-chunk.")
        try:
            await self._transcriber.push(self._ears.end())
            text = await self._transcriber.finalise()
        finally:
            self.close()
        await self._send_new()
        language = self._host.config.language
        await self._send(Transcript(text, language=language))
        await self._send(TranscriptStop())

    def close(self) -> None:
        """Give the recogniser back. Safe to call twice."""
        if self._transcriber is not None:
            self._transcriber.close()
            self._transcriber = None

    async def _open(self) -> Transcriber:
        self._transcriber = transcriber = Transcriber(self._host, self._note, live=True)
        self._ears, self._sent = Ears(), ""
        self._new.clear()
        await self._send(TranscriptStart(language=self._host.config.language))
        return transcriber

    def _note(self, utterance: Utterance) -> None:
        self._new.append(utterance.text)

    async def _send_new(self) -> None:
        """Send the utterances that are over; the chunks of a stream together are its transcript."""
        while self._new:
            text = self._new.pop(0)
            await self._send(TranscriptChunk(f" {text}" if self._sent else text))
            self._sent = text
