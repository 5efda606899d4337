"""Recordings are chosen by rule, begin and end with speech, and their absence is explained."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import corpus
from voiceagent.audio.pcm import level_db
from voiceagent.testing import recordings

present = pytest.mark.skipif(
    not corpus.PROMPT_TEXTS.exists() or not corpus.PROMPTS.exists() or not corpus.READINGS.exists(),
    reason="the Debian packages with recordings are not installed",
)


@pytest.mark.parametrize(
    "text", ["Press 1 for", "the conference has ended", "I'm sorry, that number is not valid.", "he was a young man"]
)
def test_plain_texts_are_kept(text: str) -> None:
    assert corpus.is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you.",
        "please wait [beep] now",
        "You may dial 500 now.",
        "this is a PBX phone",
        "press the letter q now",
        "To leave the conference...",
        "please re-enter the number",
        "visit www.asterisk.org now please",
        "words separated by * and pound",
    ],
)
def test_texts_that_are_not_spoken_as_written_are_not(text: str) -> None:
    assert not corpus.is_plain(text)


def test_a_question_is_one_whole_sentence() -> None:
    assert corpus.is_one_sentence("Please hold while I try that extension.")
    assert corpus.is_one_sentence("Which folder should I say?")
    assert not corpus.is_one_sentence("Please hold. I try that extension.")
    assert not corpus.is_one_sentence("From an unknown caller today.")
    assert not corpus.is_one_sentence("please hold while i try that")
    assert not corpus.is_one_sentence("Please hold on.")


def test_a_prepared_clip_begins_and_ends_with_its_speech() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
    quiet = np.zeros(8_000, np.float32)
    clip = corpus.prepare(np.concatenate([quiet, tone, quiet]))
    assert len(clip) == len(tone)
    assert level_db(clip) == pytest.approx(corpus.LEVEL_DB, abs=0.2)


def test_a_clip_with_a_peak_is_kept_below_full_scale() -> None:
    click = np.full(16_000, 0.01, np.float32)
    click[8_000] = 1.0
    assert np.abs(corpus.prepare(click)).max() == pytest.approx(corpus.PEAK)


def test_absent_recordings_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recordings, "PROMPTS", tmp_path / "gone")
    with pytest.raises(corpus.CorpusError, match="sudo apt install asterisk-core-sounds-en "):
        corpus.prompts(1)


def test_a_damaged_recording_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "x.wav"
    broken.write_bytes(b"RIFF")
    monkeypatch.setattr(corpus, "recordings", lambda: iter([recordings.Recorded("x", broken, "three plain words")]))
    with pytest.raises(corpus.CorpusError, match="Install its Debian package again"):
        corpus.prompts(1)


@present
def test_the_choice_is_the_same_every_time_and_a_longer_one_begins_with_it() -> None:
    names = [clip.name for clip in corpus.questions(4)]
    assert names == [clip.name for clip in corpus.questions(6)][:4]
    assert len(set(names)) == 4


@present
def test_clips_are_short_level_and_plain() -> None:
    for clip in corpus.prompts(4):
        assert corpus.SHORTEST_S <= clip.seconds <= corpus.LONGEST_S
        assert corpus.is_plain(clip.text)
        assert level_db(clip.pcm) <= corpus.LEVEL_DB + 0.2


@present
def test_there_are_not_endless_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "is_one_sentence", lambda text: False)
    with pytest.raises(corpus.CorpusError, match="hold 0 fitting"):
        corpus.questions(1)
