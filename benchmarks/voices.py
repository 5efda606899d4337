"""The ears of an agent and the voices of its callers, for benchmarks that need both without a server."""

from functools import partial
from typing import Any

import numpy as np

from voiceagent.app.engines import build_engine
from voiceagent.app.specs import gpus_for
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.config.settings import Settings
from voiceagent.engines.asr.contract import AsrEvent, Transcript
from voiceagent.engines.drive import drive
from voiceagent.engines.tts.contract import SpeechAudio, TtsEvent

RATE = 16_000
OTHERS = {"": 1.0, " lower": 1.2, " higher": 0.87}
"""More people from one voice: how much slower, and so lower, each speaks."""


class Voices:
    """The engines that the settings name, loaded when they are first needed."""

    def __init__(self, settings: Settings) -> None:
        self._build = partial(build_engine, settings=settings, gpus=gpus_for(settings))
        self._tts = self._load("tts")
        self._asr: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every voice that can be had."""
        return tuple(f"{voice}{other}" for voice in self._tts.voices for other in OTHERS)

    def speak(self, text: str, name: str) -> Pcm:
        """Return a text as speech, 16 kHz."""
        voice, space, manner = name.partition(" ")
        pieces: list[Pcm] = []

        def collect(event: TtsEvent) -> None:
            if isinstance(event, SpeechAudio):
                pieces.append(event.pcm)

        stream = self._tts.open(collect)
        stream.speak(1, 0, text, 0.0, voice=voice)
        drive(self._tts)
        stream.close()
        slower = OTHERS[space + manner]
        return resample(np.concatenate(pieces), round(self._tts.sample_rate / slower), RATE)

    def hear(self, pcm: Pcm) -> str:
        """Return what the recogniser understands, 16 kHz."""
        if self._asr is None:
            self._asr = self._load("asr")
        heard: list[str] = []

        def collect(event: AsrEvent) -> None:
            if isinstance(event, Transcript) and event.fork is not None:
                heard.append(event.text)

        stream = self._asr.open(collect)
        stream.begin_speech()
        stream.push(pcm)
        stream.finalise(1, 0.0)
        drive(self._asr)
        stream.close()
        return heard[-1] if heard else ""

    def ears(self) -> dict[str, Any]:
        """Return new engines that listen: voice activity, recogniser and turn detector, by their kind."""
        return {kind: self._load(kind) for kind in ("vad", "asr", "turn")}

    def _load(self, kind: str) -> Any:
        engine = self._build(kind)
        engine.load()
        return engine
