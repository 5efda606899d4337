"""A segment is found in what was received, and a hole in it is measured, whatever pauses the voice itself makes."""

import numpy as np
import pytest

from benchmarks.conversations import Spoken
from benchmarks.playback import Playback, place
from voiceagent.app.settings import load_settings
from voiceagent.audio.opus import OpusDecoder, OpusEncoder
from voiceagent.engines.asr.contract import Transcript

RATE = 16_000


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise in the rhythm of syllables: nothing in it comes twice."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    low = np.convolve(rng.standard_normal(count), np.hanning(12) / 6, "same")
    return (0.2 * low * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE))).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def through_opus(pcm: np.ndarray) -> np.ndarray:
    encoder, decoder = OpusEncoder(RATE, bitrate=32_000), OpusDecoder(RATE)
    padded = np.concatenate([pcm, silence(0.04)])
    whole = len(padded) // 320 * 320
    return np.concatenate([decoder.decode(encoder.encode(padded[at : at + 320])) for at in range(0, whole, 320)])


def test_a_whole_segment_has_no_hole():
    voice = speech(2.0)
    placed = place(voice, through_opus(np.concatenate([silence(0.3), voice, silence(0.5)])), 0.0, 0.5)
    assert placed is not None
    assert placed.start == pytest.approx(0.3, abs=0.03)
    assert placed.end == pytest.approx(2.3, abs=0.03)
    assert placed.hole_ms < 1.0
    assert placed.found == 1.0


@pytest.mark.parametrize("hole_s", [0.03, 0.2])
def test_a_hole_is_measured(hole_s):
    voice = speech(2.0)
    torn = np.concatenate([silence(0.3), voice[:16_500], silence(hole_s), voice[16_500:], silence(0.3)])
    placed = place(voice, through_opus(torn), 0.0, 0.5)
    assert placed is not None
    assert placed.hole_ms == pytest.approx(hole_s * 1000, abs=2.0)


def test_a_pause_of_the_voice_itself_is_no_hole():
    voice = np.concatenate([speech(1.0), silence(0.4), speech(1.0, seed=1)])
    placed = place(voice, through_opus(np.concatenate([silence(0.1), voice])), 0.0, 0.5)
    assert placed is not None
    assert placed.hole_ms < 1.0


def test_another_voice_is_not_found():
    assert place(speech(1.0, seed=1), speech(2.0, seed=2), 0.0, 0.5) is None
    assert place(speech(1.0), silence(0.1), 0.0, 0.5) is None
    assert place(silence(0.1), speech(1.0), 0.0, 0.5) is None


def test_a_part_that_is_missing_is_told():
    voice = speech(2.0)
    placed = place(voice, np.concatenate([voice[:16_000], silence(1.0)]), 0.0, 0.1)
    assert placed is not None
    assert placed.found == 0.5


class Judge(Playback):
    """Speaks noise for any text, a second for each word, and understands all but the first word."""

    def __init__(self, texts):
        self.texts = texts

    def speak(self, text):
        return speech(len(text.split()), seed=len(text))

    def hear(self, pcm):
        return Transcript(" ".join(" ".join(self.texts).split()[1:]), 1)


def test_an_answer_is_judged_by_its_segments_the_silences_between_and_its_words():
    texts = ["Well yes.", "That is so."]
    judge = Judge(texts)
    received = [silence(0.1), judge.speak(texts[0]), silence(0.25), judge.speak(texts[1]), silence(0.1)]
    (judged,) = judge.judge([Spoken(texts, np.concatenate(received))])
    assert [segment["found"] for segment in judged["segments"]] == [1.0, 1.0]
    assert judged["between_ms"] == [pytest.approx(250.0, abs=0.1)]
    assert (judged["errors"], judged["words"]) == (1, 5)


def test_a_segment_that_is_not_there_does_not_hide_the_next():
    texts = ["Well yes.", "Never was said.", "That is so."]
    judge = Judge(texts)
    received = [judge.speak(texts[0]), silence(0.25), judge.speak(texts[2]), silence(0.1)]
    (judged,) = judge.judge([Spoken(texts, np.concatenate(received))])
    assert [segment["found"] for segment in judged["segments"]] == [1.0, 0.0, 1.0]
    assert judged["between_ms"] == []


def test_the_engines_of_the_settings_speak_and_listen():
    playback = Playback(load_settings("scripted.yaml", []).settings)
    pcm = playback.speak("three short words")
    assert len(pcm) == pytest.approx(3 * 0.3 * RATE, abs=RATE * 0.05)
    assert playback.hear(pcm).text
