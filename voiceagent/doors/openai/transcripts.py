"""A transcript in the forms that clients ask for: text, JSON with segments and words, subtitles. Pure."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, log
from typing import Any

from voiceagent.doors.speech.transcriber import Utterance
from voiceagent.text.languages import language as find


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was said in a recording."""

    utterances: Sequence[Utterance]
    duration_s: float
    language: str
    granularities: frozenset[str] = field(default=frozenset({"segment"}))

    @property
    def text(self) -> str:
        """All of the text."""
        return " ".join(utterance.text for utterance in self.utterances)

    def usage(self) -> dict[str, Any]:
        """Return what is counted: seconds of audio."""
        return {"type": "duration", "seconds": ceil(self.duration_s)}

    def json(self) -> dict[str, Any]:
        """Return the plain JSON form."""
        return {"text": self.text, "usage": self.usage()}

    def verbose(self) -> dict[str, Any]:
        """Return the form with segments, or words, or both."""
        words = [word for utterance in self.utterances for word in utterance.words]
        timed = [{"word": w.text, "start": round(w.start_s, 3), "end": round(w.end_s, 3)} for w in words]
        return {
            "task": "transcribe",
            "language": find(self.language).name.lower(),
            "duration": round(self.duration_s, 3),
            "text": self.text,
            **(
                {"segments": list(map(_segment, range(len(self.utterances)), self.utterances))}
                if self._segments
                else {}
            ),
            **({"words": timed} if "word" in self.granularities else {}),
            "usage": self.usage(),
        }

    def srt(self) -> str:
        """Return SubRip subtitles, one for each utterance."""
        blocks = (
            f"{number}\n{_clock(one.start_s, ',')} --> {_clock(one.end_s, ',')}\n{one.text}\n"
            for number, one in enumerate(self.utterances, 1)
        )
        return "\n".join(blocks)

    def vtt(self) -> str:
        """Return WebVTT subtitles, one for each utterance."""
        cues = (f"{_clock(one.start_s, '.')} --> {_clock(one.end_s, '.')}\n{one.text}\n" for one in self.utterances)
        return "\n".join(("WEBVTT\n", *cues))

    @property
    def _segments(self) -> bool:
        return "segment" in self.granularities


def _segment(number: int, utterance: Utterance) -> dict[str, Any]:
    """Return a segment as Whisper describes one; what it alone knows is empty."""
    data = utterance.text.encode()
    confidence = utterance.confidence
    return {
        "id": number,
        "seek": int(utterance.start_s * 100),
        "start": round(utterance.start_s, 3),
        "end": round(utterance.end_s, 3),
        "text": utterance.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": log(max(confidence, 1e-6)) if confidence is not None else None,
        "compression_ratio": round(len(data) / len(zlib.compress(data)), 3),
        "no_speech_prob": 0.0,
    }


def _clock(seconds: float, mark: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"
