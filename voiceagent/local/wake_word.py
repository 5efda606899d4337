"""A wake word: until it is said nothing is heard, and after a while of silence neither."""

import importlib
from typing import Any

from voiceagent.audio.pcm import Pcm, to_s16
from voiceagent.errors import VoiceAgentError

WORDS = ("okay nabu", "hey jarvis", "hey mycroft", "alexa")
"""Those whose models come in the package `pymicro-wakeword`, under Apache-2.0."""
AWAKE_S = 20.0
"""So long after the last word of either side it listens without being called."""


class WakeWord:
    """Sleeps until the word is said. Raises VoiceAgentError for a word without a model, and for a missing package."""

    def __init__(self, word: str) -> None:
        if word not in WORDS:
            raise VoiceAgentError(f"There is no model for the wake word {word!r}; there is {', '.join(WORDS)}.")
        try:
            package: Any = importlib.import_module("pymicro_wakeword")
        except ImportError as error:
            raise VoiceAgentError("A wake word needs an extra: pip install 'voiceagent[wakeword]'.") from error
        self.word = word
        self._model = package.MicroWakeWord.from_builtin(package.Model(word.replace(" ", "_")))
        self._features = package.MicroWakeWordFeatures()
        self._silent_s = 0.0
        self.awake = False

    def hear(self, pcm: Pcm, seconds: float, *, quiet: bool) -> None:
        """Take what is heard (16 kHz, `seconds` of it); `quiet` says that neither side has the floor."""
        if self.awake:
            self._silent_s = self._silent_s + seconds if quiet else 0.0
            self.awake = self._silent_s < AWAKE_S
            return
        for features in self._features.process_streaming(to_s16(pcm)):
            if self._model.process_streaming(features):
                self.awake, self._silent_s = True, 0.0
