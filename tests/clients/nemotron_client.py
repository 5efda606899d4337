"""Drives Pipecat pipelines with the Nemotron services against servers, and prints what came of it as JSON lines.

nemotron_client.py STT_URL TTS_URL LLM_URL TIMES
"""

import asyncio
import json
import math
import struct
import sys

from loguru import logger
from nemotron_services import NemotronLLMService, NemotronSTTService, NemotronTTSService
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor

RATE = 16_000
FRAME = RATE // 50
WAIT_S = 30


def say(scenario, **fields):
    print(json.dumps({"scenario": scenario.__name__, **fields}), flush=True)


def voice(seconds):
    """Return a sound that scripted engines take for speech."""
    samples = (round(9000 * math.sin(2 * math.pi * 200 * n / RATE)) for n in range(round(seconds * RATE)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


class Ear(FrameProcessor):
    """The end of a pipeline: what comes out of it."""

    def __init__(self):
        super().__init__()
        self.frames = asyncio.Queue()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.frames.put(frame)
        await self.push_frame(frame, direction)

    async def until(self, kind):
        """Return the frames up to the first of a kind."""
        frames = []
        async with asyncio.timeout(WAIT_S):
            while not frames or not isinstance(frames[-1], kind):
                frames.append(await self.frames.get())
        return frames


class Line:
    """A running pipeline."""

    def __init__(self, *processors):
        self.ear = Ear()
        self.task = PipelineTask(
            Pipeline([*processors, self.ear]),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=22_000),
            cancel_on_idle_timeout=False,
        )

    async def __aenter__(self):
        self._running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(self.task))
        return self

    async def __aexit__(self, *exc):
        await self.task.queue_frame(EndFrame())
        await asyncio.wait_for(self._running, WAIT_S)

    async def put(self, *frames):
        for frame in frames:
            await self.task.queue_frame(frame)

    async def hear(self, audio):
        for start in range(0, len(audio), 2 * FRAME):
            await self.put(InputAudioRawFrame(audio[start : start + 2 * FRAME], RATE, 1))

    async def user_says(self, seconds):
        """Speak, and fall silent, as transport, voice activity detector and turn detector would report it."""
        await self.user_speaks(seconds)
        await self.user_stops()

    async def user_speaks(self, seconds):
        await self.put(VADUserStartedSpeakingFrame(), UserStartedSpeakingFrame())
        await self.hear(voice(seconds))

    async def user_stops(self):
        await self.hear(bytes(2 * RATE // 5))
        await self.put(VADUserStoppedSpeakingFrame(), UserStoppedSpeakingFrame())


def audio_ms(frames):
    return round(sum(len(frame.audio) for frame in frames if isinstance(frame, TTSAudioRawFrame)) / 44)


def texts(frames, kind):
    return [frame.text for frame in frames if type(frame) is kind]


async def transcripts(url):
    stt = NemotronSTTService(url)
    async with Line(stt) as line:
        await line.hear(bytes(RATE))
        for seconds in (2.0, 2.0, 0.0):
            await line.user_says(seconds)
            frames = await line.ear.until(UserStoppedSpeakingFrame)
            say(
                transcripts,
                final=texts(frames, TranscriptionFrame),
                interim=texts(frames, InterimTranscriptionFrame),
                late=stt.late,
            )


async def speech(url):
    tts = NemotronTTSService(url)
    async with Line(tts) as line:
        for sentences in (("One two three.", "Four five."), ("Six.",)):
            await line.put(LLMFullResponseStartFrame())
            frames = []
            for sentence in sentences:  # the second when the first is heard, as an LLM service does
                await line.put(LLMTextFrame(sentence))
                while audio_ms(frames) < 300:
                    frames += await line.ear.until(TTSAudioRawFrame)
                async with asyncio.timeout(WAIT_S):
                    await tts.spoken.wait()
                tts.spoken.clear()
            await line.put(LLMFullResponseEndFrame())
            frames += await line.ear.until(TTSStoppedFrame)
            errors = [frame.error for frame in frames if isinstance(frame, ErrorFrame)]
            say(speech, ms=audio_ms(frames), modes=tts.modes, errors=errors)
            tts.modes = []


async def interruptions(url, times):
    """Begin a long answer and interrupt it, again and again; then let a short one be heard to its end."""
    tts = NemotronTTSService(url)
    async with Line(tts) as line:
        for number in range(times):
            await line.put(LLMFullResponseStartFrame(), LLMTextFrame("Stale words that nobody is to hear again. " * 4))
            await line.ear.until(TTSAudioRawFrame)
            if number % 3:  # in the middle of the answer, and at its end
                await line.put(LLMFullResponseEndFrame())
            await line.put(InterruptionFrame())
            await line.ear.until(InterruptionFrame)
            await line.put(
                LLMFullResponseStartFrame(), LLMTextFrame("One " * (1 + number % 4)), LLMFullResponseEndFrame()
            )
            frames = await line.ear.until(TTSStoppedFrame)
            current = [frame for frame in frames if tts.is_current(frame)]
            say(interruptions, words=1 + number % 4, ms=audio_ms(current), overtaken=len(frames) - len(current))
        say(interruptions, stale_bytes_dropped_by_the_client=tts.stale_bytes)


async def conversation(stt_url, tts_url, llm_url):
    stt, tts, llm = NemotronSTTService(stt_url), NemotronTTSService(tts_url), NemotronLLMService(llm_url)
    context = LLMContext([{"role": "system", "content": "You are Robin."}])
    aggregators = LLMContextAggregatorPair(context)
    async with Line(stt, aggregators.user(), llm, tts) as line:
        await line.hear(bytes(RATE))
        for _ in range(2):
            await line.user_says(2.0)
            frames = await line.ear.until(TTSStoppedFrame)
            answer = "".join(texts(frames, TTSTextFrame))
            user = context.get_messages()[-1]["content"]
            say(conversation, user=user, answer=answer, ms=audio_ms(frames), modes=tts.modes)
            context.add_message({"role": "assistant", "content": answer})
            tts.modes = []
        say(conversation, requests=len(llm.requests), late=stt.late)


async def main(stt_url, tts_url, llm_url, times):
    await transcripts(stt_url)
    await speech(tts_url)
    await conversation(stt_url, tts_url, llm_url)
    await interruptions(tts_url, int(times))


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    asyncio.run(main(*sys.argv[1:]))
