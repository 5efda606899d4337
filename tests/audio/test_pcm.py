import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.audio.pcm import (
    SILENCE_DB,
    AudioError,
    checked,
    fade_in,
    fade_out,
    from_s16,
    level_db,
    to_s16,
    trim_silence,
)
from voiceagent.errors import VoiceAgentError

RATE = 24_000


def tone(seconds: float, amplitude: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@given(st.binary(max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_any_16_bit_audio_survives_the_way_in_and_out(data: bytes) -> None:
    assert to_s16(from_s16(data)) == data


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError, match="even number of bytes, but 3 came"):
        from_s16(b"\0\1\2")


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(poison: float) -> None:
    with pytest.raises(AudioError, match="NaN or infinite"):
        to_s16(np.array([0.0, poison, 0.1], np.float32))


def test_integers_posing_as_floats_are_refused_with_the_remedy() -> None:
    with pytest.raises(AudioError, match="divide 16-bit samples by 32768"):
        checked(np.array([0, 12_000], np.int16))


def test_stereo_and_nonsense_are_refused() -> None:
    with pytest.raises(AudioError, match="not mono"):
        checked(np.zeros((2, 100), np.float32))
    with pytest.raises(AudioError, match="not audio"):
        checked(["loud"])


def test_an_overshoot_is_clipped_not_wrapped_around() -> None:
    assert checked([1.2, -1.5, 0.5]).tolist() == [1.0, -1.0, 0.5]
    assert to_s16([1.0, -1.0, 1.2]) == np.array([32767, -32768, 32767], "<i2").tobytes()


def test_nothing_at_all_is_audio_too() -> None:
    assert len(checked([])) == 0
    assert from_s16(b"").dtype == np.float32
    assert to_s16(np.zeros(0, np.float32)) == b""


def test_audio_errors_can_be_caught_as_errors_for_people() -> None:
    assert issubclass(AudioError, VoiceAgentError)


def test_level_is_rms_in_db_of_full_scale() -> None:
    assert level_db(tone(1, 1.0)) == pytest.approx(-3.01, abs=0.01)
    assert level_db(tone(1, 0.1)) == pytest.approx(-23.01, abs=0.01)
    assert level_db(np.zeros(100, np.float32)) == level_db(np.zeros(0, np.float32)) == SILENCE_DB


def test_fades_touch_only_their_five_milliseconds() -> None:
    loud = np.ones(1000, np.float32)
    rising, falling = fade_in(loud, RATE), fade_out(loud, RATE)
    assert rising[0] < 0.01
    assert (np.diff(rising) >= 0).all()
    assert (rising[120:] == 1).all()
    assert np.array_equal(falling, rising[::-1])
    assert (loud == 1).all()
    assert len(fade_in(loud[:10], RATE)) == 10


def test_silence_around_speech_is_cut_and_the_cut_is_reported() -> None:
    faint = np.random.default_rng(1).normal(0, 1e-6, RATE).astype(np.float32)
    pcm = np.concatenate([faint[: round(0.31 * RATE)], tone(0.5), faint[: round(0.4 * RATE)]])
    trimmed = trim_silence(pcm, RATE)
    assert trimmed.cut_front == pytest.approx(0.29 * RATE, abs=0.011 * RATE)
    assert len(trimmed.pcm) == pytest.approx(0.58 * RATE, abs=0.021 * RATE)
    onset = round(0.31 * RATE) - trimmed.cut_front
    assert np.array_equal(trimmed.pcm[onset : onset + round(0.5 * RATE)], tone(0.5))


def test_a_quiet_onset_is_speech_and_stays() -> None:
    hiss = np.random.default_rng(2).normal(0, 0.5 * 10 ** (-38 / 20), round(0.1 * RATE)).astype(np.float32)
    pcm = np.concatenate([np.zeros(round(0.2 * RATE), np.float32), hiss, tone(0.3)])
    assert trim_silence(pcm, RATE).cut_front <= 0.18 * RATE + RATE // 100


def test_speech_without_silence_around_it_stays_as_it_is() -> None:
    pcm = tone(0.3)
    trimmed = trim_silence(pcm, RATE)
    assert trimmed.cut_front == 0
    assert np.array_equal(trimmed.pcm, pcm)


@pytest.mark.parametrize("samples", [0, 1, 5000])
def test_nothing_but_silence_comes_back_empty(samples: int) -> None:
    trimmed = trim_silence(np.zeros(samples, np.float32), RATE)
    assert len(trimmed.pcm) == 0
    assert trimmed.cut_front == samples
