"""The messages of an engine's stream over a WebSocket (docs/split.md): JSON objects, and audio as binary messages.

Times are relative: `in_s` is how many seconds from now a result is needed, null while the work is on hold. Both sides
use these functions; neither knows the other's clock.
"""

from collections.abc import Iterable
from typing import Any

from voiceagent.audio.pcm import Pcm, to_s16
from voiceagent.audio.speech import Word
from voiceagent.engines.asr.contract import Transcript
from voiceagent.engines.contract import HOLD, Need
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.errors import VoiceAgentError

VERSION = 1
PATHS = {"asr": "/ws/asr/engine", "tts": "/ws/tts/engine"}
"""Where a process that lends engines has them, by lane."""

Payload = dict[str, Any]
Message = Payload | bytes


class ProtocolError(VoiceAgentError):
    """A message that the other side of this protocol does not send."""


def need_of(name: object) -> Need:
    """Return the need of a name, such as "awaited". Raises ProtocolError."""
    try:
        return Need[str(name).upper()]
    except KeyError:
        raise ProtocolError(f"need is one of {', '.join(need.name.lower() for need in Need)}, not {name!r}.") from None


def in_s(deadline: float, now: float) -> float | None:
    """Return a deadline as seconds from now; None while on hold."""
    return None if deadline == HOLD else round(max(0.0, deadline - now), 4)


def deadline_of(message: Payload, now: float) -> float:
    """Return the deadline of a message on this side's clock. Raises ProtocolError."""
    seconds = message.get("in_s")
    if seconds is None:
        return HOLD
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e6:
        raise ProtocolError(f"in_s is a number of seconds, or null while on hold, not {seconds!r}.")
    return now + seconds


def number_in(message: Payload, name: str) -> int:
    """Return a whole number of a message. Raises ProtocolError."""
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"{name} is a whole number, not {value!r}.")
    return value


def words_to(words: Iterable[Word]) -> list[list[Any]]:
    """Return words as [text, start_s, end_s]."""
    return [[word.text, word.start_s, word.end_s] for word in words]


def words_from(message: Payload, later_s: float = 0.0) -> tuple[Word, ...]:
    """Return the words of a message, `later_s` later than it says."""
    return tuple(Word(text, start + later_s, end + later_s) for text, start, end in message.get("words") or ())


def transcript_to(transcript: Transcript, turn: int) -> Payload:
    """Return a transcript of the stream's turn, counted from 0 by its commits."""
    return {
        "type": "transcript",
        "turn": turn,
        "fork": transcript.fork,
        "text": transcript.text,
        "words": words_to(transcript.words),
        "confidence": transcript.confidence,
    }


def transcript_from(message: Payload, later_s: float) -> Transcript:
    """Return a transcript whose words' times count from `later_s` on."""
    return Transcript(message["text"], message["fork"], words_from(message, later_s), message["confidence"])


def audio_to(audio: SpeechAudio) -> tuple[Payload, bytes]:
    """Return the two messages of a piece of a segment's audio: what it is, and 16-bit samples."""
    about = {
        "type": "audio",
        "generation": audio.generation,
        "segment": audio.segment,
        "words": words_to(audio.words),
        "final": audio.final,
    }
    return about, to_s16(audio.pcm)


def audio_from(about: Payload, pcm: Pcm) -> SpeechAudio:
    """Return a piece of a segment's audio."""
    return SpeechAudio(about["generation"], about["segment"], pcm, words_from(about), about["final"])
