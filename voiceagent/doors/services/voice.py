"""What a client of the TTS service may ask for, and a text's audio at the rate that it expects."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import to_s16
from voiceagent.doors.host import Host
from voiceagent.doors.speech.speaker import Speaker
from voiceagent.errors import VoiceAgentError

SPEAKERS = ("aria", "jason", "john", "leo", "sofia")
"""The voices of Magpie TTS, which the services' clients ask for by default."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is spoken; None leaves it to the voice and the agent."""

    voice: str | None = None
    language: str | None = None


def style_of(host: Host, voice: object, language: object) -> Style:
    """Return the style of a client's words for it, None for the default.

    One of Magpie's speakers is spoken by the engine's own voice where the engine has no such voice. Raises
    VoiceAgentError for other voices and languages, and while the voice loads.
    """
    known, named = host.abilities.voices, voices(host)
    name = voice.lower() if isinstance(voice, str) else voice
    if name is not None and name not in named:
        raise VoiceAgentError(f"There is no voice {voice!r}. Voices: {', '.join(named)}.")
    code, spoken = language.lower() if isinstance(language, str) else language, languages(host)
    if code is not None and code not in spoken:
        raise VoiceAgentError(f"The language {language!r} is not spoken here. Languages: {', '.join(spoken)}.")
    return Style(str(name) if name in known else None, None if code is None else str(code))


def voices(host: Host) -> list[str]:
    """Return every voice that a client may ask for."""
    known = host.abilities.voices
    return [*known, *(name for name in SPEAKERS if name not in known)]


def languages(host: Host) -> list[str]:
    """Return every language that a client may ask for."""
    return list(host.abilities.spoken) or [host.config.language]


async def audio_of(text: str, style: Style, speaker: Speaker, rate: int) -> AsyncGenerator[bytes, None]:
    """Yield a text's audio, 16-bit at `rate` Hz, as it is made; closing it early ends the work on it.

    Raises SpeechError.
    """
    speech = speaker.speak(style.voice, style.language)
    speech.push(text)
    speech.finish()
    resampler = Resampler(speaker.rate, rate)
    begun = False
    async with aclosing(speech.pieces()) as pieces:
        async for piece in pieces:
            begun = True
            if audio := to_s16(resampler.push(piece.pcm)):
                yield audio
    if begun and (audio := to_s16(resampler.flush())):
        yield audio
