"""The user's voice, where nobody has recorded what they say: the default voice of voiceagent."""

from functools import cache
from typing import Any

import numpy as np

from voiceagent.app.engines import build_engine
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import gpus_for
from voiceagent.app.synthesis import segments_of, synthesise
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.evals.utterance import RATE
from voiceagent.testing.recordings import prepare

VOICE = "cpu.yaml"
"""The configuration whose voice it is."""


@cache
def speak(text: str) -> Pcm:
    """Return a text as speech, 16 kHz, trimmed and levelled like a recording. Raises VoiceAgentError."""
    settings = load_settings(VOICE).settings
    engine = _engine()
    pieces: list[Pcm] = []
    synthesise(engine, settings, segments_of(text, settings), pieces.append)
    return prepare(resample(np.concatenate(pieces), engine.sample_rate, RATE))


@cache
def _engine() -> Any:
    settings = load_settings(VOICE).settings
    engine = build_engine("tts", settings, gpus_for(settings))
    engine.load()
    return engine
