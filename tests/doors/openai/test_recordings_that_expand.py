"""A small file that decodes to hours: refused in words, before its sound is held or recognised for long."""

import numpy as np
import pytest
from doors_served import AT_ONCE, error_of, serving

from voiceagent.audio.encode import Encoder, wav_header
from voiceagent.audio.pcm import to_s16
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.vad.scripted.engine import ScriptedVad

LIMIT_S = 36
LIMIT = f"openai.recording_hours={LIMIT_S / 3600}"


def sound(name, seconds):
    encoder = Encoder(name, SAMPLE_RATE)
    return encoder.push(np.zeros(seconds * SAMPLE_RATE, np.float32)) + encoder.finish()


def piped_wav(seconds):
    """Return what a recorder wrote to a pipe: its header does not know the length."""
    return wav_header(SAMPLE_RATE) + to_s16(np.zeros(seconds * SAMPLE_RATE, np.float32))


class Listening(ScriptedVad):
    """Counts the samples that it is given."""

    heard = 0

    def open(self, *args, **options):
        stream = super().open(*args, **options)
        push = stream.push

        def counted(pcm, *rest):
            self.heard += len(pcm)
            push(pcm, *rest)

        stream.push = counted
        return stream


def answer_to(file, **fields):
    """Return the answer to an upload, and how many seconds of it were listened to."""

    async def test(house):
        return await house.http.post("/v1/audio/transcriptions", data=fields, files={"file": ("talk", file)})

    vad = Listening(**AT_ONCE)
    return serving(test, LIMIT, vad=vad), vad.heard / SAMPLE_RATE


@pytest.mark.parametrize("fields", [{}, {"stream": "true"}], ids=["whole", "stream"])
def test_a_recording_that_tells_that_it_is_too_long_is_refused_unheard(fields):
    bomb = sound("opus", 120)
    assert len(bomb) < 60_000, "two minutes, four megabytes, in a small file"
    answer, heard = answer_to(bomb, **fields)
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_long"
    assert "longer than 0.01 hours" in error_of(answer)["message"]
    assert "openai.recording_hours" in error_of(answer)["message"]
    assert "/" not in error_of(answer)["message"], "no path of the server's"
    assert heard == 0


def test_one_that_does_not_tell_is_heard_as_far_as_the_limit():
    answer, heard = answer_to(piped_wav(60))
    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_long"
    assert LIMIT_S - 4 <= heard <= LIMIT_S + 4


@pytest.mark.parametrize("name", ["opus", "flac", "mp3"])
def test_one_within_the_limit_is_transcribed(name):
    answer, _ = answer_to(sound(name, LIMIT_S - 1))
    assert answer.status_code == 200
