"""A damaged frame costs that frame; channels that cancel each other are noticed."""

import re
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from voiceagent.audio.files import read_audio, write_wav
from voiceagent.audio.pcm import AudioError, Pcm, level_db

RATE = 16_000
SECONDS = 8.0
SHIFTS_S = {"mp3": 0.03, "aac": 0.07}
"""By how much later words may be early or late in formats without times of their own."""
FORMATS = {
    "mp3": ("libmp3lame", "s16p"),
    "flac": ("flac", "s16"),
    "m4a": ("aac", "fltp"),
    "aac": ("aac", "fltp"),
    "mka": ("aac", "fltp"),
    "wav": ("pcm_f32le", "flt"),
    "ogg": ("libopus", "flt"),
}


@pytest.fixture
def warnings() -> list[str]:
    return []


def encode(path: Path, channels: NDArray[np.float32], rate: int = 48_000, layout: str = "") -> Path:
    """Write channels, shape (channels, samples), in the format that the file's name says."""
    codec, form = FORMATS[path.suffix[1:]]
    layout = layout or ("mono" if len(channels) == 1 else "stereo")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(channels.T.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=form, layout=layout, rate=rate, frame_size=stream.frame_size or 960)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return path


def damage(path: Path, share: float = 0.6, size: int = 500) -> Path:
    """Write a copy with some bytes zeroed."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * share)
    data[start : start + size] = bytes(size)
    damaged = path.with_stem("damaged")
    damaged.write_bytes(data)
    return damaged


def speech(seconds: float = SECONDS, rate: int = 48_000) -> Pcm:
    """Something that sounds different at every time: a tone that rises, under a syllable's swelling."""
    t = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * k * (150 * t + 20 * t * t)) / k for k in range(1, 6))
    return np.asarray(0.15 * tone * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * t)), np.float32)


def alike(one: Pcm, other: Pcm, within_s: float = 0.0) -> float:
    """Return how alike two recordings of one length are, if one may be late by so much."""
    most = round(within_s * RATE)
    inner = one[most : len(one) - most]
    return max(float(np.corrcoef(inner, other[lag : lag + len(inner)])[0, 1]) for lag in range(2 * most + 1))


@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a", "aac", "ogg"])
def test_a_damaged_frame_costs_that_frame_and_is_told(tmp_path: Path, kind: str, warnings: list[str]) -> None:
    whole = encode(tmp_path / f"whole.{kind}", speech()[None])
    clean = read_audio(whole, RATE, warnings.append)
    assert warnings == []
    pcm = read_audio(damage(whole), RATE, warnings.append)
    (warning,) = warnings
    assert "damaged." in warning
    start, end = map(float, re.findall(r"([\d.]+)-([\d.]+) s", warning)[0])
    assert 0.5 * SECONDS < start < end < 0.8 * SECONDS
    assert end - start < 1.5
    shift_s = SHIFTS_S.get(kind, 0.0)
    assert abs(len(pcm) - len(clean)) <= shift_s * RATE
    before, after = int((start - 0.1) * RATE), int((end + 0.2) * RATE)
    assert alike(pcm[:before], clean[:before]) > 0.99
    tail = slice(after, min(len(pcm), len(clean)))
    assert alike(pcm[tail], clean[tail], shift_s) > 0.95
    assert level_db(pcm[int(start * RATE) + 200 : int(end * RATE) - 200]) < -60


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_later_words_keep_their_times_where_the_beginning_is_damaged(
    tmp_path: Path, kind: str, warnings: list[str]
) -> None:
    whole = encode(tmp_path / f"whole.{kind}", speech()[None])
    clean = read_audio(whole, RATE)
    pcm = read_audio(damage(whole, 0.062), RATE, warnings.append)
    assert "nothing could be read at 0.00-" in warnings[0]
    assert alike(pcm[3 * RATE : 7 * RATE], clean[3 * RATE : 7 * RATE], 0.01) > 0.99


def test_a_damaged_end_of_an_ogg_file_is_told(tmp_path: Path, warnings: list[str]) -> None:
    read_audio(damage(encode(tmp_path / "whole.ogg", speech()[None]), 0.97), RATE, warnings.append)
    assert re.search(r"it can be read for 7\.0 s, and should have 8\.0 s", warnings[-1])


def test_samples_that_are_no_numbers_are_silent_and_too_loud_ones_clipped(tmp_path: Path, warnings: list[str]) -> None:
    voice = speech(1.0)
    broken = np.stack([voice, voice])
    broken[0, 5_000], broken[1, 20_000] = np.nan, 60.0
    pcm = read_audio(encode(tmp_path / "a.wav", broken), 48_000, warnings.append)
    assert np.abs(pcm).max() == 1.0
    assert alike(pcm[30_000:], voice[30_000:]) > 0.999
    assert warnings == []


def test_the_places_of_much_damage_are_counted(tmp_path: Path, warnings: list[str]) -> None:
    path = encode(tmp_path / "whole.mp3", speech()[None])
    for share in np.arange(0.1, 0.9, 0.1):
        path = damage(path, share)
    pcm = read_audio(path, RATE, warnings.append)
    assert len(pcm) == pytest.approx(SECONDS * RATE, rel=0.01)
    assert "and 3 more;" in warnings[0]


def test_a_file_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "whole.m4a", speech()[None])
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big") - 8
    data[begin : begin + length] = b"\xff" * length
    path.write_bytes(data)
    with pytest.raises(AudioError, match="nothing of it can be read; record it again, or use another copy"):
        read_audio(path)


def test_a_file_in_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "whole.mka", speech(1.0)[None])
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    with pytest.raises(AudioError, match="codec that FFmpeg does not know; convert it to wav"):
        read_audio(path)


def test_a_wav_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, warnings: list[str]) -> None:
    write_wav(tmp_path / "a.wav", speech(4.0, RATE), RATE)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(data[: len(data) // 2 + 1])
    pcm = read_audio(tmp_path / "a.wav", RATE, warnings.append)
    assert len(pcm) == pytest.approx(2 * RATE, abs=30)
    assert warnings == [f"{tmp_path / 'a.wav'} is damaged or cut off: it can be read for 2.0 s, and should have 4.0 s."]


@pytest.mark.parametrize("length", [1_001, 0, 0xFFFFFFFF])
def test_a_wav_file_with_a_wrong_length_is_read_to_its_end(tmp_path: Path, length: int, warnings: list[str]) -> None:
    voice = speech(2.0, RATE)
    write_wav(tmp_path / "a.wav", voice, RATE)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[40:44] = length.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(data)
    pcm = read_audio(tmp_path / "a.wav", RATE, warnings.append)
    assert np.allclose(pcm, voice, atol=1 / 30_000)
    assert all("wrong length in its header" in warning for warning in warnings)
    assert len(warnings) == (length == 1_001)


def test_what_follows_the_sound_of_a_wav_file_is_not_heard(tmp_path: Path, warnings: list[str]) -> None:
    voice = speech(1.0, RATE)
    write_wav(tmp_path / "a.wav", voice, RATE)
    with (tmp_path / "a.wav").open("ab") as file:
        file.write(b"LIST" + (20_000).to_bytes(4, "little") + b"INFO" + b"x" * 19_996)
    assert len(read_audio(tmp_path / "a.wav", RATE, warnings.append)) == len(voice)
    assert warnings == []


def written(path: Path, channels: list[Pcm], layout: str = "stereo") -> Path:
    return encode(path, np.stack(channels), 48_000, layout)


@pytest.mark.parametrize(("right", "channel"), [(-1.0, 1), (-0.9, 1), (-1.25, 2)])
def test_channels_that_cancel_give_the_louder_one(
    tmp_path: Path, right: float, channel: int, warnings: list[str]
) -> None:
    voice = speech(2.0) * 0.5
    pcm = read_audio(written(tmp_path / "a.flac", [voice, np.float32(right) * voice]), 48_000, warnings.append)
    (warning,) = warnings
    assert f"its channels cancel each other; channel {channel} alone is used." in warning
    assert np.allclose(np.abs(pcm), np.abs(voice) * max(1.0, -right), atol=1e-3)


def test_channels_that_cancel_in_part_are_mixed_and_as_loud_as_the_louder(tmp_path: Path, warnings: list[str]) -> None:
    voice = speech(2.0) * 0.5
    pcm = read_audio(written(tmp_path / "a.flac", [voice, np.float32(-0.3) * voice]), 48_000, warnings.append)
    assert warnings == []
    assert np.allclose(pcm, voice, atol=1e-3)


def test_a_voice_on_one_channel_or_on_all_of_six_is_as_loud_as_it_was(tmp_path: Path, warnings: list[str]) -> None:
    voice, silence = speech(2.0) * 0.5, np.zeros(96_000, np.float32)
    for channels in ([voice] * 6, [silence, silence, voice, silence, silence, silence], [silence, voice]):
        layout = "5.1" if len(channels) == 6 else "stereo"
        pcm = read_audio(written(tmp_path / "a.flac", channels, layout), 48_000, warnings.append)
        assert np.allclose(pcm, voice, atol=1e-3)
    assert warnings == []


def test_a_file_of_more_channels_than_a_frame_has_planes_is_read(tmp_path: Path, warnings: list[str]) -> None:
    voice = speech(1.0) * 0.5
    layout = "hexadecagonal"  # 16 channels
    pcm = read_audio(written(tmp_path / "a.wav", [voice] * 16, layout), 48_000, warnings.append)
    assert np.allclose(pcm, voice, atol=1e-3)
    planar = read_audio(written(tmp_path / "b.m4a", [voice] * 16, layout), RATE, warnings.append)
    assert alike(planar[:RATE], read_audio(tmp_path / "a.wav", RATE), 0.05) > 0.99
    assert warnings == []


def test_two_people_on_a_channel_each_are_both_heard(tmp_path: Path, warnings: list[str]) -> None:
    voice, silence = speech(2.0) * 0.5, np.zeros(96_000, np.float32)
    channels = [np.concatenate([voice, silence]), np.concatenate([silence, voice])]
    pcm = read_audio(written(tmp_path / "a.flac", channels), 48_000, warnings.append)
    assert warnings == []
    assert alike(pcm[:96_000], voice) > 0.999
    assert alike(pcm[96_000:], voice) > 0.999
    assert level_db(pcm) == pytest.approx(level_db(channels[0]), abs=0.1)


def test_a_stereo_file_of_silence_is_silence(tmp_path: Path, warnings: list[str]) -> None:
    silence = np.zeros(48_000, np.float32)
    assert not read_audio(written(tmp_path / "a.flac", [silence, silence]), 48_000, warnings.append).any()
    assert warnings == []
