"""A stereo file while it is written: what lies where, and that it can be read at every moment."""

import stat
import wave

import numpy as np
import pytest

from voiceagent.audio import stereo_file
from voiceagent.audio.pcm import AudioError
from voiceagent.audio.stereo_file import HOLD_S, StereoFile

RATE, USER_RATE = 24_000, 16_000
BEGUN = 1000.0


def tone(seconds, rate, hz=400.0):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def read(path):
    """Return the sides of a file, as seconds of sound, and its form."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T / 32768


def sounding(side):
    """Return when a side's sound begins and ends."""
    (at,) = np.nonzero(np.abs(side) > 0.01)
    return at[0] / RATE, (at[-1] + 1) / RATE


def pieces(pcm, rate, at, seconds=0.02):
    size = round(seconds * rate)
    return [(pcm[start : start + size], rate, at + start / rate) for start in range(0, len(pcm), size)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "call.wav"


def test_each_side_lies_where_it_was_heard(path):
    file = StereoFile(path, RATE, BEGUN)
    for piece in pieces(tone(1.0, USER_RATE), USER_RATE, BEGUN + 0.5):
        file.left(*piece)
    for piece in pieces(tone(1.5, RATE, 700), RATE, BEGUN + 1.2):
        file.right(*piece)
    file.close()
    left, right = read(path)
    assert sounding(left) == pytest.approx((0.5, 1.5), abs=0.004)
    assert sounding(right) == pytest.approx((1.2, 2.7), abs=0.001)
    assert len(left) == round(2.7 * RATE)
    assert np.array_equal(right[round(1.2 * RATE) :], np.rint(tone(1.5, RATE, 700) * 32768) / 32768)


def test_the_pitch_of_the_user_is_kept_and_no_piece_is_lost_between_rates(path):
    file = StereoFile(path, RATE, BEGUN)
    for piece in pieces(tone(2.0, USER_RATE), USER_RATE, BEGUN, seconds=0.013):
        file.left(*piece)
    file.close()
    left, _ = read(path)
    assert len(left) == pytest.approx(2.0 * RATE, abs=0.003 * RATE)
    middle = left[RATE // 2 : RATE // 2 + RATE]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 400
    assert np.abs(np.diff(middle)).max() < 0.06  # no click where pieces meet


def test_a_crash_leaves_what_was_heard_until_shortly_before(path):
    file = StereoFile(path, RATE, BEGUN)
    for piece in pieces(tone(5.0, RATE), RATE, BEGUN):
        file.right(*piece)
        _, right = read(path)  # valid after every piece
    assert 5.0 - HOLD_S - 0.6 <= len(right) / RATE <= 5.0 - HOLD_S
    assert np.abs(right[-RATE:]).max() > 0.4
    file.close()
    assert len(read(path)[1]) == 5 * RATE


def test_a_long_silence_is_a_hole_that_costs_no_memory(path):
    file = StereoFile(path, RATE, BEGUN)
    file.right(tone(1.0, RATE), RATE, BEGUN)
    file.right(tone(0.3, RATE), RATE, BEGUN + 60)
    file.left(tone(0.5, USER_RATE), USER_RATE, BEGUN + 59.5)
    file.close()
    left, right = read(path)
    assert len(right) == round(60.3 * RATE)
    assert not right[RATE : 60 * RATE].any()
    assert right[60 * RATE :].any()
    assert sounding(left) == pytest.approx((59.5, 60.0), abs=0.004)
    assert path.stat().st_blocks * 512 < 1_000_000


def test_what_comes_too_late_to_be_placed_is_left_out(path):
    file = StereoFile(path, RATE, BEGUN)
    for piece in pieces(tone(4.0, RATE), RATE, BEGUN):
        file.right(*piece)
    file.left(tone(1.0, RATE), RATE, BEGUN)
    file.left(tone(0.5, RATE), RATE, BEGUN + 3.5)
    file.close()
    left, right = read(path)
    assert sounding(left) == pytest.approx((3.5, 4.0), abs=0.001)
    assert len(right) == 4 * RATE


def test_it_is_nobody_elses_to_read_and_replaces_no_other(path):
    StereoFile(path, RATE, BEGUN).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read(path)[0]) == 0
    with pytest.raises(FileExistsError):
        StereoFile(path, RATE, BEGUN)


def test_a_file_is_never_longer_than_its_header_can_tell(path, monkeypatch):
    monkeypatch.setattr(stereo_file, "MOST_BYTES", 400_000)
    file = StereoFile(path, RATE, BEGUN)
    file.right(tone(3.0, RATE), RATE, BEGUN)
    with pytest.raises(AudioError, match="as long as"):
        file.right(tone(4.0, RATE), RATE, BEGUN + 3.0)
    assert len(read(path)[1]) == 2 * RATE
    with pytest.raises(AudioError, match="as long as"):
        file.close()
