"""G.711 against FFmpeg's coder, and against itself."""

import av
import numpy as np
import pytest

from voiceagent.audio.g711 import from_g711, to_g711
from voiceagent.audio.pcm import AudioError, level_db

LAWS = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}


@pytest.mark.parametrize("law", LAWS)
def test_every_code_means_what_ffmpeg_says(law):
    codec = av.CodecContext.create(LAWS[law], "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    frames = codec.decode(av.Packet(bytes(range(256))))
    theirs = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    ours = np.rint(from_g711(bytes(range(256)), law) * 32768).astype(int)
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("law", LAWS)
def test_every_code_survives_decoding_and_encoding(law):
    values = from_g711(bytes(range(256)), law)
    again = from_g711(to_g711(values, law), law)
    assert again.tolist() == values.tolist()


@pytest.mark.parametrize("law", LAWS)
def test_speech_keeps_its_quality(law):
    t = np.arange(8000) / 8000
    for loudness in (0.9, 0.1, 0.01):
        tone = (loudness * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
        error = from_g711(to_g711(tone, law), law) - tone
        assert level_db(tone) - level_db(error) > 28, "G.711 promises about 38 dB, less for soft sounds"


def test_what_is_no_audio_is_refused():
    with pytest.raises(AudioError, match="NaN"):
        to_g711([float("nan")], "pcmu")
    assert to_g711([], "pcma") == b""
    assert len(from_g711(b"", "pcma")) == 0
