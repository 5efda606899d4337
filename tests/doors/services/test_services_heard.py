"""What the TTS service says is what the STT service understands, with the embedded models."""

import asyncio

import pytest
from loopback import open_server
from service_clients import RATE, client, silence

from voiceagent.audio.files import resample
from voiceagent.audio.pcm import from_s16, to_s16
from voiceagent.text import word_error_rate

pytestmark = pytest.mark.models

MODELS = ("asr.engine=moonshine", "tts.engine=hibari", "vad.engine=silero")
SENTENCES = (
    "The deepest sea on earth is in the west of the Pacific Ocean.",
    "My train leaves at twenty past seven, so I have to hurry.",
    "Could you please tell me what the weather will be like tomorrow?",
)


def test_every_sentence_is_understood_whether_it_was_streamed_or_came_in_a_batch():
    async def main():
        heard = []
        async with (
            open_server(*MODELS) as house,
            client(house, "/ws/tts/stream") as tts,
            client(house, "/") as stt,
        ):
            assert await stt.next() == {"type": "ready"}
            await tts.send(type="init", voice="aria", language="en")
            for number, sentence in enumerate(SENTENCES):
                await tts.send(type="text", text=sentence, mode=("stream", "batch")[number % 2])
                await tts.until("segment_complete")
                pcm = resample(from_s16(b"".join(tts.audio)), 22_000, RATE)
                tts.audio.clear()
                await stt.send(silence(0.5) + to_s16(pcm) + silence(0.3))
                await stt.send(type="reset", finalize=False)
                await stt.send(type="reset", finalize=True)
                finals = []
                while len(finals) < 2:
                    message = await stt.next()
                    finals += [message] if message["is_final"] else []
                assert finals[0]["text"] == finals[1]["text"]
                heard.append(finals[1]["text"])
        return heard

    heard = asyncio.run(main())
    errors = [word_error_rate(sentence, text)[0] for sentence, text in zip(SENTENCES, heard, strict=True)]
    assert sum(errors) <= 1, heard
