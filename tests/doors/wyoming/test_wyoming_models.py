"""The embedded models through the unmodified `wyoming` client: what is spoken as it is written is understood again."""

import asyncio

import pytest
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop
from wyoming_server import client, wyoming_server

from voiceagent.text import word_error_rate

TEXT = "The kitchen light is on. Please close the window before you leave the house."


@pytest.mark.models
def test_a_spoken_text_is_understood_again_at_the_voices_own_rate():
    async def main():
        models = ("asr.engine=moonshine", "tts.engine=hibari", "vad.engine=silero")
        async with wyoming_server(*models) as (_, port), client(port) as home:
            pieces = [SynthesizeChunk(word + " ") for word in TEXT.split()]
            await home.send(SynthesizeStart(), *pieces, SynthesizeStop())
            spoken = await home.until("synthesize-stopped")
            await home.send(Transcribe(language="en"))
            for event in spoken:
                if event.type == "audio-start":
                    await home.send(AudioStart.from_event(event))
                elif event.type == "audio-chunk":
                    await home.send(AudioChunk.from_event(event))
            await home.send(AudioStop())
            return await home.until("transcript-stop")

    transcripts = [event.data["text"] for event in asyncio.run(main()) if event.type == "transcript"]
    errors, words = word_error_rate(TEXT, transcripts[0])
    assert errors / words < 0.15, transcripts
