"""hibari as a voice: text to phonemes, phonemes to spectra, spectra to sound, each a step.

A segment is spoken utterance by utterance, each handed out as soon as it is ready. The model itself is in `model.py`.
"""

from collections.abc import Generator
from itertools import pairwise, product

import numpy as np

from voiceagent.audio.speech import Word
from voiceagent.engines.contract import CostKey
from voiceagent.engines.queue import Next
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.hibari.model import SAMPLE_RATE, HibariModel, Speech, load_voices
from voiceagent.engines.tts.pronunciation import Utterance
from voiceagent.engines.tts.segments import SegmentQueue

SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.25, 0.1
"""Silence between the utterances of one segment."""
WARM_UP = ("Hi.", "Zyxgorp says: the quick brown fox jumps over the lazy dog, and then it went away for a long walk.")
"""Short, long, and with a word in no lexicon."""
PHONEMES_PER_SIZE = 20


class HibariEngine(SegmentQueue):
    """The voices on this machine, and their streams; `speed` 1.0 is a voice's natural pace."""

    first_step = ("tts.phonemes", 1)

    def __init__(self, voice: str = "heart", speed: float = 1.0, threads: int = 1) -> None:
        super().__init__("tts")
        self._voice = voice
        self._speed = speed
        self._threads = threads
        self._models: dict[str, HibariModel] = {}

    @property
    def sample_rate(self) -> int:
        """Sample rate of its audio in Hz."""
        return SAMPLE_RATE

    @property
    def languages(self) -> tuple[str, ...]:
        """English."""
        return ("en",)

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices available for a segment, once it is loaded; the first is the default."""
        return tuple(self._models)

    def load(self) -> None:
        """Load the voices and warm up. Raises VoiceAgentError for an unknown, missing or damaged voice."""
        self._models = load_voices(self._voice, self._threads)
        for voice, text in product(self._models, WARM_UP):
            for _ in self.speak(0, 0, text, voice):
                pass

    def speak(self, generation: int, segment: int, text: str, voice: str) -> Generator[Next, None, SpeechAudio]:
        """Speak a segment: one step for its phonemes, two for each utterance."""
        model = self._models[voice]
        utterances = model.utterances(text)
        if not utterances[0].sounds:
            words = tuple(Word(word.text, 0.0, 0.0) for word in utterances[0].words)
            return SpeechAudio(generation, segment, np.zeros(0, np.float32), words, final=True)
        at_s = 0.0
        yield Next(spectra_key(utterances[0]))
        for utterance, following in pairwise(utterances):
            speech = yield from self._utter(model, utterance)
            pause_s = SENTENCE_PAUSE_S if utterance.ends_sentence else CLAUSE_PAUSE_S
            pcm = np.concatenate((speech.pcm, np.zeros(int(pause_s * SAMPLE_RATE), np.float32)))
            words = timed(utterance, speech, at_s)
            at_s += len(pcm) / SAMPLE_RATE
            yield Next(spectra_key(following), SpeechAudio(generation, segment, pcm, words, final=False))
        speech = yield from self._utter(model, utterances[-1])
        return SpeechAudio(generation, segment, speech.pcm, timed(utterances[-1], speech, at_s), final=True)

    def _utter(self, model: HibariModel, utterance: Utterance) -> Generator[Next, None, Speech]:
        spectra = model.spectra(utterance, self._speed)
        yield Next(("tts.sound", size(utterance)))
        return model.speech(spectra)

    def close(self) -> None:
        """Drop all segments and free the models."""
        super().close()
        self._models.clear()


def size(utterance: Utterance) -> int:
    """Return the size on which an utterance's cost depends: its phonemes, in twenties."""
    return sum(len(word.phonemes) for word in utterance.words) // PHONEMES_PER_SIZE


def spectra_key(utterance: Utterance) -> CostKey:
    """Return the cost key of the step that runs the network."""
    return ("tts.spectra", size(utterance))


def timed(utterance: Utterance, speech: Speech, at_s: float) -> tuple[Word, ...]:
    """Return the timed words of an utterance that begins `at_s` seconds into its segment."""
    pairs = zip(utterance.words, speech.times, strict=True)
    return tuple(Word(word.text, at_s + start_s, at_s + end_s) for word, (start_s, end_s) in pairs)
