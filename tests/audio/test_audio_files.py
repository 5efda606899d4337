from pathlib import Path

import numpy as np
import pytest

from voiceagent.audio.files import Resampler, read_audio, resample, write_wav
from voiceagent.audio.pcm import AudioError


def test_what_is_written_can_be_read(tmp_path: Path, voice) -> None:
    pcm = voice(0.5)
    write_wav(tmp_path / "a.wav", pcm, 16_000)
    assert np.allclose(read_audio(tmp_path / "a.wav", 16_000), pcm, atol=1 / 30_000)


def test_reading_resamples_to_the_rate_asked_for(tmp_path: Path, voice) -> None:
    write_wav(tmp_path / "a.wav", voice(1.0, 24_000), 24_000)
    read = read_audio(str(tmp_path / "a.wav"), 16_000)
    assert len(read) == pytest.approx(16_000, abs=2)
    assert np.corrcoef(read[100:15_900], voice(1.0)[100:15_900])[0, 1] > 0.999


def test_other_formats_and_stereo_are_read_as_mono(tmp_path: Path, voice) -> None:
    import av

    pcm = voice(1.0, 48_000)
    for name, codec, form in (("a.flac", "flac", "s16"), ("a.mp3", "libmp3lame", "s16p"), ("a.g722", "g722", "s16")):
        rate, layout = (16_000, "mono") if codec == "g722" else (48_000, "stereo")
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=rate)
            stream.layout = layout
            resampler = av.AudioResampler(format=form, layout=layout, rate=rate)
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate = 48_000
            for converted in [*resampler.resample(frame), None]:
                if converted is not None:
                    converted.pts = None
                container.mux(stream.encode(converted))
        read = read_audio(tmp_path / name, 16_000)
        assert len(read) == pytest.approx(16_000, rel=0.12)
        assert np.abs(read).max() > 0.1


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("note.txt", b"this is no music", "cannot be read as audio"),
        ("empty.wav", b"", "cannot be read as audio"),
        ("noise.wav", bytes(range(256)) * 20, "cannot be read as audio"),
        ("cut.flac", b"fLaC\0\0\0\x22", "cannot be read as audio"),
    ],
)
def test_a_file_that_is_no_audio_is_named_and_refused(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=complaint) as raised:
        read_audio(tmp_path / name)
    assert name in str(raised.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        read_audio(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        read_audio(tmp_path)


def test_a_recording_of_no_length_is_refused(tmp_path: Path) -> None:
    write_wav(tmp_path / "nothing.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(AudioError, match="nothing in it"):
        read_audio(tmp_path / "nothing.wav")


def test_a_picture_has_no_sound(tmp_path: Path) -> None:
    pixels = b"\xff\0\0" * 16
    (tmp_path / "dot.ppm").write_bytes(b"P6 4 4 255\n" + pixels)
    with pytest.raises(AudioError, match="no audio in it"):
        read_audio(tmp_path / "dot.ppm")


def test_bad_samples_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="NaN"):
        write_wav(tmp_path / "bad.wav", np.array([np.nan], np.float32), 16_000)
    assert not (tmp_path / "bad.wav").exists()


@pytest.mark.parametrize(("source", "target"), [(24_000, 48_000), (22_050, 24_000), (48_000, 16_000)])
def test_a_stream_is_resampled_like_a_whole_and_holds_back_little(voice, source: int, target: int) -> None:
    pcm = voice(1.0, source)
    resampler = Resampler(source, target)
    step = source // 50
    pieces = [resampler.push(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    held_s = 1.0 - sum(map(len, pieces)) / target
    assert 0 <= held_s < 0.002
    pieces.append(resampler.flush())
    joined = np.concatenate(pieces)
    assert np.array_equal(joined, resample(pcm, source, target))
    assert len(joined) == pytest.approx(target, abs=2)
    assert np.corrcoef(joined[200:-200], voice(1.0, target)[200 : len(joined) - 200])[0, 1] > 0.999


def test_resampling_to_the_same_rate_changes_nothing_and_no_samples_are_welcome(voice) -> None:
    pcm = voice(0.1)
    assert resample(pcm, 16_000, 16_000) is pcm
    assert len(Resampler(24_000, 16_000).push(np.zeros(0, np.float32))) == 0
