"""hibari through onnxruntime: utterances in, speech and the times of their words out, in bounded steps.

The model chooses each phoneme's duration internally; an extra output reveals it. The noise in the voice comes from a
seed: the same text always sounds the same. Knows no streams and no time.

Model: hibari-tts 0.2; its `dsp` module turns the network's output into sound.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from hibari import dsp
from hibari.g2p import G2P
from hibari.tts import ASSETS, Hibari
from hibari.voices import VOICES, voice_path
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm, checked, trim_silence
from voiceagent.engines.onnx import open_session
from voiceagent.engines.tts.pronunciation import MARKS, Utterance, utterances
from voiceagent.errors import VoiceAgentError
from voiceagent.text.timing import estimate_word_times

log = logging.getLogger(__name__)

SAMPLE_RATE = 24_000
SEED = 0
PHONEME_ENDS = "/CumSum_output_0"
"""The model's internal count of frames up to the end of each symbol."""
LEAD_FRAMES = 2
"""How much earlier a word sounds than the count says: 43 ms in frames of 25 ms, the median at 44 commas."""
OUTPUTS = 6
"""The number of the network's own outputs: the arguments of `dsp.synth`."""
BOUNDARY = 0
"""The symbol that begins and ends every utterance."""
REINSTALL = "Install the package again: pip install --force-reinstall hibari-tts"

Times = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Spelled:
    """An utterance in the network's symbols, and each word's range of them."""

    utterance: Utterance
    ids: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Spectra:
    """The network's output for an utterance."""

    spelled: Spelled
    outputs: Sequence[NDArray[np.float32]]
    ends: NDArray[np.int64] | None
    """Frames up to the end of each symbol; None if the model does not expose it."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Sound at 24 kHz, and when each word is spoken, in seconds from its start."""

    pcm: Pcm
    times: Times


class HibariModel:
    """A loaded voice; `dictionary` turns words into the phonemes of its accent."""

    def __init__(self, voice: str, threads: int, dictionary: G2P) -> None:
        path = find_voice(voice)
        try:
            self._session = open_session(path, threads, reveal=PHONEME_ENDS, remedy=REINSTALL)
        except VoiceAgentError:  # a voice exported differently still speaks; its timing is estimated
            self._session = open_session(path, threads, remedy=REINSTALL)
        self._symbols: dict[str, int] = json.loads(Path(ASSETS, "vocab.json").read_text(encoding="utf-8"))
        self._phonemes = dictionary

    def utterances(self, text: str) -> list[Utterance]:
        """Divide a text into utterances: 1 ms per sentence, 5 more per word not in the lexicon."""
        return utterances(text, Hibari.split_sentences(text), self._phonemes)

    def spectra(self, utterance: Utterance, speed: float) -> Spectra:
        """Run the network: 4 ms per second of speech."""
        spelled = spell(utterance, self._symbols)
        feed = {"ids": np.array([spelled.ids], np.int64), "speed": np.array([speed], np.float32)}
        outputs = self._session.run(None, feed)
        ends = outputs[OUTPUTS].reshape(-1) if len(outputs) > OUTPUTS else None
        return Spectra(spelled, outputs[:OUTPUTS], ends)

    def speech(self, spectra: Spectra) -> Speech:
        """Turn spectra into sound without the silence around it: 3 ms per second of speech."""
        whole = checked(dsp.synth(*(output[0] for output in spectra.outputs), np.random.default_rng(SEED)))
        trimmed = trim_silence(whole, SAMPLE_RATE)
        duration_s = len(trimmed.pcm) / SAMPLE_RATE
        if spectra.ends is None:
            words = spectra.spelled.utterance.words
            weights = [len(word.phonemes) for word in words]
            return Speech(trimmed.pcm, list(estimate_word_times([word.text for word in words], duration_s, weights)))
        frame_samples = len(whole) / spectra.ends[-1]
        samples = (spectra.ends - LEAD_FRAMES) * frame_samples - trimmed.cut_front
        seconds = np.clip(samples / SAMPLE_RATE, 0.0, duration_s)
        return Speech(
            trimmed.pcm, [(float(seconds[start - 1]), float(seconds[end - 1])) for start, end in spectra.spelled.spans]
        )


def spell(utterance: Utterance, symbols: dict[str, int]) -> Spelled:
    """Return an utterance in the network's symbols. A word's marks are symbols too, but not part of its span."""
    ids, spans = [BOUNDARY], []
    for word in utterance.words:
        if word.phonemes and len(ids) > 1:
            ids.append(symbols[" "])
        start = len(ids)
        ids += [symbols[phoneme] for phoneme in word.phonemes if phoneme in symbols]
        marks = len(word.phonemes) - len(word.phonemes.rstrip("".join(MARKS)))
        spans.append((start, max(start, len(ids) - marks)))
    return Spelled(utterance, [*ids, BOUNDARY], spans)


def load_voices(own: str, threads: int) -> dict[str, HibariModel]:
    """Load the voices on this machine, `own` first. Raises VoiceAgentError if that one cannot be loaded."""
    dictionary = cache(lambda british: G2P(british=british))  # 80 MB and half a second for each accent
    find_voice(own)
    loaded = {}
    for voice in dict.fromkeys((own, *_voices_here())):
        try:
            loaded[voice] = HibariModel(voice, threads, dictionary(VOICES[voice]["british"]))
        except VoiceAgentError as error:
            if voice == own:
                raise
            log.warning("the voice %s is left out: %s", voice, error)
    return loaded


def _voices_here() -> list[str]:
    return [name for name in VOICES if _is_here(name)]


def find_voice(voice: str) -> Path:
    """Return the file of a voice on this machine. Raises VoiceAgentError, with the available ones, for any other."""
    if voice in VOICES:
        try:
            return Path(voice_path(voice, download_missing=False))
        except FileNotFoundError as error:
            missing = f"The voice {voice!r} is not on this machine ({error} is missing)"
            remedy = f'; fetch it: python -c "from hibari.voices import voice_path; voice_path({voice!r})"'
    else:
        missing, remedy = f"There is no voice {voice!r} in hibari", ""
    raise VoiceAgentError(f"{missing}. Set tts.voice to one that is: {', '.join(_voices_here())}{remedy}.")


def _is_here(voice: str) -> bool:
    try:
        voice_path(voice, download_missing=False)
    except FileNotFoundError:
        return False
    return True
