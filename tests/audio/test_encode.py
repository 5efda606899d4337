"""Files written while their sound is made: every format reads back as what was said, and begins early."""

import numpy as np
import pytest

from voiceagent.audio.decode import decode_pieces
from voiceagent.audio.encode import FORMATS, Encoder
from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import from_s16, level_db

RATE = 22_050
TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def encoded(name, pcm=TONE, piece=4410):
    encoder = Encoder(name, RATE)
    return [*(encoder.push(pcm[at : at + piece]) for at in range(0, len(pcm), piece)), encoder.finish()]


def pitch_hz(pcm, rate):
    return np.argmax(np.abs(np.fft.rfft(pcm))) * rate / len(pcm)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_reads_back_as_it_was(name, tmp_path):
    written = b"".join(encoded(name))
    if name == "pcm":
        pcm, rate = from_s16(written), 24_000
    else:
        file = tmp_path / "sound"
        file.write_bytes(written)
        pcm, rate = read_audio(file, warn=pytest.fail), 16_000
        assert np.concatenate(list(decode_pieces(file, rate))) == pytest.approx(pcm)
    assert len(pcm) / rate == pytest.approx(3.0, abs=0.12)
    assert pitch_hz(pcm, rate) == pytest.approx(440, abs=1)
    assert level_db(pcm) == pytest.approx(level_db(TONE), abs=0.7), "LAME lowers it a little"


@pytest.mark.parametrize("name", FORMATS)
def test_its_beginning_can_be_sent_before_its_end_is_known(name):
    *pieces, _ = encoded(name)
    early = next(number for number, piece in enumerate(pieces) if len(piece) > 400)
    assert early < 3, "of 15"


def test_a_file_without_sound_is_a_file():
    assert encoded("wav", TONE[:0])[0][:4] == b"RIFF"
