"""A long recording through the embedded models: nothing is lost, and it is never held."""

import asyncio
import tracemalloc

import numpy as np
import pytest
from loopback import open_server

from voiceagent.audio.encode import Encoder
from voiceagent.audio.pcm import from_s16
from voiceagent.text import word_error_rate

SENTENCES = (
    "The deepest sea is the Mariana Trench.",
    "Nobody knows what lives at the bottom of it.",
    "A ship would need three days to cross the bay.",
    "In the evening the fishermen come home with empty nets.",
)
RATE = 24_000


@pytest.mark.models
@pytest.mark.exhaustive(quick=60, full=600)
def test_a_long_recording_is_understood_in_pieces(size):
    async def main():
        async with open_server(config="cpu.yaml") as house:
            said = []
            for sentence in SENTENCES:
                answer = await house.http.post("/v1/audio/speech", json={"input": sentence, "response_format": "pcm"})
                said += [from_s16(answer.content), np.zeros(RATE, np.float32)]
            once = np.concatenate(said)
            times = round(size * RATE / len(once))
            encoder = Encoder("flac", RATE)
            file = b"".join([*(encoder.push(once) for _ in range(times)), encoder.finish()])
            tracemalloc.start()
            try:
                upload = {"file": ("talk.flac", file)}
                answer = await house.http.post("/v1/audio/transcriptions", files=upload, timeout=3600)
                assert answer.status_code == 200, answer.text
                return answer.json()["text"], times, tracemalloc.get_traced_memory()[1] - 3 * len(file)
            finally:
                tracemalloc.stop()

    text, times, held = asyncio.run(main())
    errors, words = word_error_rate(" ".join(SENTENCES * times), text)
    assert errors <= 0.05 * words
    assert held < 30_000_000, "ten minutes have 38 MB"
