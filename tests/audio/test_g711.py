"""G.711 against FFmpeg's codecs, and what it does to a signal."""

import av
import numpy as np
import pytest

from voiceagent.audio.g711 import A_LAW, MU_LAW
from voiceagent.audio.pcm import from_s16

LAWS = [(MU_LAW, "pcm_mulaw"), (A_LAW, "pcm_alaw")]
EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = from_s16(np.arange(-32_768, 32_768).astype("<i2").tobytes())


def decoded_by_ffmpeg(codec, data):
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    return from_s16(b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in decoder.decode(av.Packet(data))))


@pytest.mark.parametrize(("law", "codec"), LAWS, ids=["mu", "a"])
def test_every_code_is_the_level_that_ffmpeg_gives_it(law, codec):
    assert np.array_equal(law.decode(EVERY_CODE), decoded_by_ffmpeg(codec, EVERY_CODE))


@pytest.mark.parametrize(("law", "_"), LAWS, ids=["mu", "a"])
def test_every_sample_gets_the_nearest_level(law, _):
    errors = np.abs(law.decode(law.encode(EVERY_SAMPLE)) - EVERY_SAMPLE)
    nearest = np.min(np.abs(EVERY_SAMPLE[::97, None] - law.levels[None, :]), axis=1)
    assert np.array_equal(errors[::97], nearest)


@pytest.mark.parametrize(("law", "silence"), [(MU_LAW, 0xFF), (A_LAW, 0xD5)], ids=["mu", "a"])
def test_silence_is_the_code_that_telephones_send(law, silence):
    assert law.encode(np.zeros(3, np.float32)) == bytes([silence] * 3)


def test_quiet_speech_keeps_38_db_of_distance_to_the_noise():
    tone = (0.05 * np.sin(np.arange(8000) * 0.7)).astype(np.float32)
    for law, _ in LAWS:
        noise = law.decode(law.encode(tone)) - tone
        assert 10 * np.log10(np.sum(tone**2) / np.sum(noise**2)) > 35
