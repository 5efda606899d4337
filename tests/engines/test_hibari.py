from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from embedded import hibari, spoken
from hibari import voices

from voiceagent.audio.speech import Word
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.hibari import model as hibari_model
from voiceagent.engines.tts.hibari.engine import SENTENCE_PAUSE_S, HibariEngine
from voiceagent.errors import VoiceAgentError

RATE = 24_000


def whole(pieces: list[SpeechAudio]) -> tuple[np.ndarray, list[Word]]:
    return np.concatenate([piece.pcm for piece in pieces]), [word for piece in pieces for word in piece.words]


def loudness(pcm: np.ndarray, start_s: float, end_s: float) -> float:
    return float(np.sqrt(np.mean(np.square(pcm[int(start_s * RATE) : int(end_s * RATE)]))))


def test_speech_begins_and_ends_without_a_silence() -> None:
    pcm, _ = whole(spoken("Hello there, how are you today?"))
    assert 1.0 < len(pcm) / RATE < 2.0
    assert loudness(pcm, 0, 0.1) > 0.005
    assert loudness(pcm, len(pcm) / RATE - 0.2, len(pcm) / RATE) > 0.005
    assert np.abs(pcm).max() <= 1


def test_words_are_timed_where_they_sound() -> None:
    pcm, words = whole(spoken("Hello there, my old friend, welcome."))
    _, there, my, _, friend, welcome = words
    sounds = [loudness(pcm, word.start_s, word.end_s) for word in words]
    assert loudness(pcm, friend.end_s, welcome.start_s) < min(sounds) / 4
    assert loudness(pcm, there.end_s, my.start_s) < min(sounds)
    assert all(loudness(pcm, word.start_s, word.start_s + 0.1) > 0.01 for word in words)


@pytest.mark.parametrize(
    "text",
    [
        "Twenty-one people paid $3.50 at 7:30 pm — that's it.",
        'Dr. Smith said "hi." Then he left, e.g. by train.',
        "😀 ok ...",
        "  two   spaces\nand a line  ",
        "日本語 is Japanese",
        "one, two, " * 60,
    ],
)
def test_every_word_of_the_text_is_spoken_in_its_place(text: str) -> None:
    pcm, words = whole(spoken(text))
    assert [word.text for word in words] == text.split()
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)
    assert all(word.start_s <= word.end_s <= len(pcm) / RATE + 1e-6 for word in words)


def test_sentences_are_handed_out_one_by_one_with_a_pause_between_them() -> None:
    first, second = spoken("This is one. This is another.")
    assert (first.final, second.final) == (False, True)
    assert not first.pcm[-int(SENTENCE_PAUSE_S * RATE) :].any()
    assert second.words[0].start_s >= len(first.pcm) / RATE


@pytest.mark.parametrize("text", ["", " ", "?!", "— …", "日本語"])
def test_nothing_to_say_is_an_empty_last_piece(text: str) -> None:
    (piece,) = spoken(text)
    assert piece.final
    assert len(piece.pcm) == 0
    assert [word.text for word in piece.words] == text.split()


def test_the_same_text_sounds_the_same() -> None:
    first, second = (whole(spoken("Is it really the same?"))[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_speed_makes_it_shorter() -> None:
    quick = HibariEngine(speed=1.5)
    quick.load()
    text = "I would like to know when the next train leaves."
    assert len(whole(spoken(text, quick))[0]) < 0.8 * len(whole(spoken(text))[0])
    quick.close()
    assert quick.pending(0.0) is None


def test_steps_are_the_phonemes_then_the_spectra_and_the_sound_of_each_sentence() -> None:
    engine = hibari()
    stream = engine.open(lambda event: None)
    stream.speak(1, 0, "This is one. This is another.", 0.0)
    keys = []
    while (batch := engine.pending(0.0)) is not None:
        keys.append(batch.cost_key[0])
        engine.deliver(batch, engine.run(batch))
    assert keys == ["tts.phonemes", *["tts.spectra", "tts.sound"] * 2]


def test_a_model_that_does_not_tell_its_timing_has_it_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hibari_model, "PHONEME_ENDS", "/no/such/value")
    mute = HibariEngine()
    mute.load()
    text = "Hello there, my old friend, welcome."
    _, estimated = whole(spoken(text, mute))
    _, told = whole(spoken(text))
    assert [word.text for word in estimated] == text.split()
    assert all(abs(a.start_s - b.start_s) < 0.3 for a, b in zip(estimated, told, strict=True))


def test_an_unknown_voice_is_refused_with_those_there_are() -> None:
    with pytest.raises(VoiceAgentError, match=r"no voice 'hart'.*tts\.voice.*heart"):
        HibariEngine(voice="hart").load()


def test_every_voice_that_is_here_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    copyfile(voices.voice_path("heart"), tmp_path / voices.VOICES["emma"]["file"])
    (tmp_path / voices.VOICES["kore"]["file"]).write_bytes(b"no model")
    engine = HibariEngine()
    engine.load()
    assert engine.voices == ("heart", "emma")
    text = "I can't dance after a bath."
    pieces = [spoken(text, engine, voice) for voice in (None, "emma", "heart")]
    own, british, heart = (whole(spoken)[0] for spoken in pieces)
    assert np.array_equal(own, heart)
    assert len(british) != len(own), "the copied voice speaks the same network's sounds with a British dictionary"


def test_a_voice_that_is_not_here_is_not_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    monkeypatch.setattr(voices, "download", lambda *_: pytest.fail("a download was begun"))
    with pytest.raises(VoiceAgentError, match=r"'emma' is not on this machine.*heart.*fetch it: python"):
        HibariEngine(voice="emma").load()
    assert not list(tmp_path.iterdir())


def test_a_damaged_voice_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    damaged = tmp_path / voices.VOICES["emma"]["file"]
    damaged.write_bytes(b"no model")
    with pytest.raises(VoiceAgentError, match=damaged.name):
        HibariEngine(voice="emma").load()
