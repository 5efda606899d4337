"""An utterance as a caller hears it: Magpie's engine from the text to the first sound, and how fast sound follows.

The engine's steps run one after the other, as a scheduler with nothing else to do would have them. With two threads of
a CPU, sound is made beside the decoding, which is what is measured then.
"""

import time
from typing import Any

from voiceagent.engines.contract import Need
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.engines.tts.magpie.engine import SAMPLE_RATE, MagpieEngine
from voiceagent.errors import VoiceAgentError

UTTERANCES = 3


def measure_speech(model: Any, text: str, dtype: str, threads: int, seconds: float) -> list[dict[str, Any]]:
    """Return a few utterances' times: `first_audio_ms`, and the `wall_s` in which further `audio_s` were made.

    Each is stopped after `seconds` of sound: random weights do not end by themselves.
    """
    engine = MagpieEngine(lambda: model, normalize=False, max_streams=1, threads=threads)
    engine.load()
    try:
        _speak(engine, text, 1, seconds)  # warm
        return [{"dtype": dtype, **_speak(engine, text, 2 + number, seconds)} for number in range(UTTERANCES)]
    finally:
        engine.close()


def _speak(engine: MagpieEngine, text: str, generation: int, seconds: float) -> dict[str, float]:
    heard: list[tuple[float, float]] = []

    def hear(event: TtsEvent) -> None:
        if not isinstance(event, SpeechAudio):
            raise VoiceAgentError(f"The voice failed in the benchmark: {event}")
        heard.append((time.perf_counter(), len(event.pcm) / SAMPLE_RATE))

    stream = engine.open(hear)
    began = time.perf_counter()
    stream.speak(generation, 0, text, began, need=Need.AWAITED)
    while sum(audio_s for _, audio_s in heard) < seconds:
        batch = engine.pending(time.perf_counter())
        if batch is None:
            break
        engine.deliver(batch, engine.run(batch))
    stream.close()
    (first, _), *others = heard
    return {
        "first_audio_ms": 1_000 * (first - began),
        "audio_s": sum(audio_s for _, audio_s in others),
        "wall_s": heard[-1][0] - first,
    }
