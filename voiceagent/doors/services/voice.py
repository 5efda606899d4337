"""A lent voice for texts that come one by one: each becomes audio at the rate that the client expects.

Its work is as urgent as the client's listener would find it: nobody hears a gap while there is audio in hand.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import to_s16
from voiceagent.doors.host import Host
from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.errors import VoiceAgentError
from voiceagent.text import speakable

SPEAKERS = ("aria", "jason", "john", "leo", "sofia")
"""The voices of Magpie TTS, which the services' clients ask for by default."""
MARGIN_S = 0.3
"""Audio is needed so long before the listener has nothing left: it has a network to pass."""


class VoiceFailedError(VoiceAgentError):
    """The voice failed in the middle of a text."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is spoken."""

    voice: str | None
    """One of the engine's; None for its own."""
    language: str


def style_of(host: Host, voice: object, language: object) -> Style:
    """Return the style of a client's words for it, None for the default.

    One of Magpie's speakers is spoken by the engine's own voice where the engine has no such voice. Raises
    VoiceAgentError for other voices and languages, and while the voice loads.
    """
    known = host.abilities
    name = voice.lower() if isinstance(voice, str) else voice
    if name is not None and name not in known.voices and name not in SPEAKERS:
        raise VoiceAgentError(f"There is no voice {voice!r}. Voices: {', '.join(voices(host))}.")
    code = language.lower() if isinstance(language, str) else language
    spoken = languages(host)
    if code is not None and code not in spoken:
        raise VoiceAgentError(f"The language {language!r} is not spoken here. Languages: {', '.join(spoken)}.")
    return Style(str(name) if name in known.voices else None, str(code or host.config.language))


def voices(host: Host) -> list[str]:
    """Return every voice that a client may ask for."""
    known = host.abilities.voices
    return [*known, *(name for name in SPEAKERS if name not in known)]


def languages(host: Host) -> list[str]:
    """Return every language that a client may ask for."""
    return list(host.abilities.spoken) or [host.config.language]


class Voice:
    """One client's voice, at `rate` Hz. Raises UnavailableError when none can be lent."""

    def __init__(self, host: Host, rate: int) -> None:
        self._segmenter = host.config.segmenter
        self._rates = host.abilities.voice_rate, rate
        self._loop = asyncio.get_running_loop()
        self._generation = 0
        self._plays_until = 0.0
        """When the listener will have played what it was sent."""
        self._events: asyncio.Queue[TtsEvent] = asyncio.Queue()
        self._lent = host.open_voice(self._on_event)

    async def say(self, text: str, style: Style) -> AsyncGenerator[bytes, None]:
        """Yield a text's audio, 16-bit, as it is made; what was not made when the iterator is closed never is.

        Raises VoiceFailedError.
        """
        self._generation += 1
        self._events = asyncio.Queue()
        segmenter = self._segmenter(style.language)
        pieces = [speakable(piece, style.language) for piece in (*segmenter.push(text), *segmenter.flush())]
        left = self._begin([piece for piece in pieces if piece], style)
        resampler = Resampler(*self._rates)
        try:
            while left:
                event = await self._events.get()
                if isinstance(event, StreamFailed):
                    raise VoiceFailedError("The voice failed; send the text again.") from event.error
                left -= event.final
                self._heard(len(event.pcm) / self._rates[0])
                if audio := to_s16(resampler.push(event.pcm)):
                    yield audio
            if pieces and (audio := to_s16(resampler.flush())):
                yield audio
        finally:
            self._lent.cancel(self._generation)

    def silence(self) -> None:
        """Take note that the listener drops what it has not played."""
        self._plays_until = 0.0

    def close(self) -> None:
        """Give the voice back."""
        self._lent.close()

    def _begin(self, pieces: list[str], style: Style) -> int:
        now = self._loop.time()
        needed = self._plays_until - MARGIN_S
        need = Need.PROMISED if needed > now else Need.AWAITED
        for segment, piece in enumerate(pieces):
            self._lent.speak(
                self._generation,
                segment,
                piece,
                max(now, needed),
                need=need,
                voice=style.voice,
                language=style.language,
            )
        return len(pieces)

    def _heard(self, seconds: float) -> None:
        self._plays_until = max(self._plays_until, self._loop.time()) + seconds
        self._lent.reschedule(self._generation, self._plays_until - MARGIN_S, need=Need.PROMISED)

    def _on_event(self, event: TtsEvent) -> None:
        generation = event.tag if isinstance(event, StreamFailed) else event.generation
        if generation == self._generation:
            self._events.put_nowait(event)
