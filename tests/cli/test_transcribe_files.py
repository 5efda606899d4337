"""`voiceagent transcribe` with the real recogniser, on files that are not as they should be."""

from pathlib import Path

import av
import numpy as np
import pytest
from embedded import RATE, moonshine, said
from in_process import run

from voiceagent.audio.pcm import Pcm

TEXT = "The train to the mountains leaves at noon, and it takes about three hours."
pytestmark = pytest.mark.models


def write(path: Path, channels: list[Pcm], codec: str, form: str) -> Path:
    layout = "mono" if len(channels) == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.stack(channels), format="fltp", layout=layout)
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=form, layout=layout, rate=RATE, frame_size=stream.frame_size or 1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    return path


def words(text: str) -> list[str]:
    return [word.strip(".,").lower() for word in text.split()]


def test_a_damaged_mp3_is_transcribed_but_for_the_frame(tmp_path: Path) -> None:
    moonshine()  # skips where its files are not
    path = write(tmp_path / "a.mp3", [said(TEXT)], "libmp3lame", "s16p")
    data = bytearray(path.read_bytes())
    start = int(len(data) * 0.6)
    data[start : start + 500] = bytes(500)
    path.write_bytes(data)
    done = run("transcribe", str(path))
    assert done.exit_code == 0, done.stderr
    assert "Warning: " in done.stderr
    assert "is damaged: nothing could be read at" in done.stderr
    assert words(done.stdout)[:5] == words(TEXT)[:5]
    assert words(done.stdout)[-2:] == words(TEXT)[-2:]


def test_a_sentence_on_channels_that_cancel_is_transcribed(tmp_path: Path) -> None:
    moonshine()
    done = run("transcribe", str(write(tmp_path / "a.flac", [said(TEXT), -said(TEXT)], "flac", "s16")))
    assert done.exit_code == 0, done.stderr
    assert "its channels cancel each other; channel 1 alone is used" in done.stderr
    assert words(done.stdout) == words(TEXT)


def test_silence_is_told(tmp_path: Path) -> None:
    moonshine()
    done = run("transcribe", str(write(tmp_path / "a.flac", [np.zeros(RATE, np.float32)], "flac", "s16")))
    assert (done.exit_code, done.stdout) == (0, "\n")
    assert "a.flac: no words were recognised." in done.stderr
