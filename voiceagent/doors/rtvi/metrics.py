"""A turn's stages, as RTVI's `metrics`. Pure."""

from collections.abc import Mapping

from voiceagent.doors.rtvi.envelope import Payload
from voiceagent.trace.turn import AWAITS, Mark, TurnTrace

TTFB: dict[str, Mark] = {"asr": "transcript_final", "llm": "first_token", "tts": "first_audio"}
"""The mark at which each model has given its first result."""


def metrics_of(trace: TurnTrace, models: Mapping[str, str]) -> Payload:
    """Return the seconds that each model let the turn wait, from end of speech to answer, and what was spoken.

    Work that was done ahead of time counts from when it could begin. A turn that was typed has no `asr` and no
    `voice-to-voice`.
    """
    ttfb = [_of(lane, waited, models) for lane, mark in TTFB.items() if (waited := _waited(trace, mark)) is not None]
    processing = [_of(use.name, use.seconds, models) for use in trace.tools if use.seconds is not None]
    if (v2v := trace.voice_to_voice_ms) is not None:
        processing.append(_of("voice-to-voice", v2v / 1000, models))
    return {"ttfb": ttfb, "processing": processing, "characters": [_of("tts", len(trace.agent_text), models)]}


def _waited(trace: TurnTrace, mark: Mark) -> float | None:
    end = trace.marks.get(mark)
    begins: tuple[Mark, ...] = (*AWAITS[mark], *(() if "speech_end" in trace.marks else ("turn_decision",)))
    known = [trace.marks[begin] for begin in begins if begin in trace.marks]
    if end is None or not known:
        return None
    return end - max((at for at in known if at <= end), default=end)


def _of(processor: str, value: float, models: Mapping[str, str]) -> Payload:
    model = {"model": models[processor]} if processor in models else {}
    return {"processor": processor, **model, "value": round(value, 4)}
