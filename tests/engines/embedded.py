"""What the tests of the embedded engines share: their model files, and a voice that says what they listen to."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.moonshine.engine import MoonshineEngine
from voiceagent.engines.drive import drive
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent
from voiceagent.engines.tts.hibari.engine import HibariEngine
from voiceagent.engines.turn.smart_turn.engine import SmartTurnEngine
from voiceagent.engines.vad.silero.engine import SileroEngine
from voiceagent.weights import Store, WeightsError

RATE = 16_000


def model_file(model: str, name: str) -> Path:
    try:
        return Store().path(model, name)
    except WeightsError as error:
        pytest.skip(str(error))


def moonshine() -> MoonshineEngine:
    files = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
    return MoonshineEngine(*(model_file("moonshine-tiny-en", name) for name in files))


def silero() -> SileroEngine:
    return SileroEngine(model_file("silero-vad-6.2", "silero_vad.onnx"))


def smart_turn() -> SmartTurnEngine:
    return SmartTurnEngine(model_file("smart-turn-3.2", "smart-turn-v3.2-cpu.onnx"), window_s=3)


@cache
def hibari() -> HibariEngine:
    engine = HibariEngine()
    engine.load()
    return engine


def spoken(text: str, engine: HibariEngine | None = None, name: str | None = None) -> list[SpeechAudio]:
    """Have hibari speak one segment."""
    events: list[TtsEvent] = []
    voice = engine or hibari()
    stream = voice.open(events.append)
    stream.speak(1, 0, text, 0.0, voice=name)
    drive(voice)
    stream.close()
    pieces = [event for event in events if isinstance(event, SpeechAudio)]
    assert pieces == events
    return pieces


@cache
def said(text: str) -> Pcm:
    """Return 16 kHz audio of somebody saying `text`."""
    return resample(np.concatenate([piece.pcm for piece in spoken(text)]), hibari().sample_rate, RATE)


def room(seconds: float, level: float = 0.001) -> Pcm:
    """Return the hiss of a quiet room."""
    return np.random.default_rng(1).normal(0, level, int(seconds * RATE)).astype(np.float32)


def in_room(*speech: Pcm, before_s: float = 0.3, after_s: float = 0.1) -> Pcm:
    """Put speech into a quiet room."""
    audio = np.concatenate(
        (np.zeros(int(before_s * RATE), np.float32), *speech, np.zeros(int(after_s * RATE), np.float32))
    )
    return audio + room(len(audio) / RATE + 1)[: len(audio)]
