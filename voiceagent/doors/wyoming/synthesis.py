"""Text to speech for one client: a whole text (synthesize), or one that comes piece by piece (synthesize-start, -chunk,
-stop). Audio is sent as it is made."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable
from wyoming.tts import SynthesizeStopped, SynthesizeVoice

from voiceagent.audio.pcm import to_s16
from voiceagent.doors.errors import BadRequestError, TooLargeError
from voiceagent.doors.host import Host
from voiceagent.doors.speech.speaker import Speaker
from voiceagent.doors.speech.speech import Speech
from voiceagent.doors.wyoming.languages import language_among

MOST_CHARS = 50_000
"""An hour of speech."""


class Synthesis:
    """One text after the other; what concerns one that was refused is passed over.

    `run` takes the work of one text, and `idle` waits for that of the text before. Methods raise VoiceAgentError.
    """

    def __init__(
        self,
        host: Host,
        send: Callable[[Eventable], Awaitable[None]],
        idle: Callable[[], Awaitable[None]],
        run: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._host = host
        self._send = send
        self._idle = idle
        self._run = run
        self._speech: Speech | None = None
        """The text that still grows."""
        self._streaming = False
        self._chars = 0

    @property
    def under_way(self) -> bool:
        """Whether more text is expected."""
        return self._speech is not None

    async def whole(self, event: Event) -> None:
        """Take `synthesize`; in the midst of a stream it only repeats what came in pieces."""
        if self._streaming:
            return
        text = _text(event)
        await self._begin(event)
        self._push(text)
        self._finish()

    async def start(self, event: Event) -> None:
        """Take `synthesize-start`."""
        if self._streaming:
            raise BadRequestError("out-of-order", "A text is under way: send synthesize-stop first.")
        self._streaming = True
        await self._begin(event)

    def chunk(self, event: Event) -> None:
        """Take `synthesize-chunk`."""
        if not self._streaming:
            raise BadRequestError("out-of-order", "A synthesize-chunk comes after synthesize-start.")
        self._push(_text(event))

    def stop(self) -> None:
        """Take `synthesize-stop`."""
        if not self._streaming:
            raise BadRequestError("out-of-order", "A synthesize-stop comes after synthesize-start.")
        self._finish()
        self._streaming = False

    async def _begin(self, event: Event) -> None:
        if event.data.get("text_format") not in (None, "text"):
            raise BadRequestError("unknown-format", "Only plain text is spoken: leave text_format out.")
        asked = event.data.get("voice")
        voice = SynthesizeVoice.from_dict(asked) if isinstance(asked, dict) else None
        language = language_among(self._host.abilities.spoken, voice.language if voice else None)
        await self._idle()
        speaker = Speaker(self._host, live=True)
        try:
            self._speech = speaker.speak(str(voice.name) if voice and voice.name else None, language)
        except BaseException:
            speaker.close()
            raise
        self._chars = 0
        self._run(self._speak(speaker, self._speech, streaming=self._streaming))

    def _push(self, text: str) -> None:
        self._chars += len(text)
        if self._speech is None:
            return
        if self._chars > MOST_CHARS:
            self._speech.cancel()
            self._speech = None
            raise TooLargeError("too-large", f"A text of more than {MOST_CHARS} characters is not read at once.")
        self._speech.push(text)

    def _finish(self) -> None:
        if self._speech is not None:
            self._speech.finish()
            self._speech = None

    async def _speak(self, speaker: Speaker, speech: Speech, *, streaming: bool) -> None:
        form = {"rate": speaker.rate, "width": 2, "channels": 1}
        try:
            await self._send(AudioStart(**form))
            async for piece in speech.pieces():
                if len(piece.pcm):
                    await self._send(AudioChunk(**form, audio=to_s16(piece.pcm)))
            await self._send(AudioStop())
            if streaming:
                await self._send(SynthesizeStopped())
        finally:
            speaker.close()


def _text(event: Event) -> str:
    text = event.data.get("text")
    if not isinstance(text, str):
        raise BadRequestError("bad-event", f"{event.type} has a text.")
    return text
