"""Programs that use the models beside a caller: the caller hardly notices, and they get done."""

import asyncio
from statistics import quantiles

import numpy as np
from virtual_host import VirtualHost

from voiceagent.doors.speech.speaker import Speaker
from voiceagent.doors.speech.transcriber import Transcriber
from voiceagent.engines.contract import PATIENCE_S, Need
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.testing.sound import silence, voice

QUESTIONS = [f"question number {number} please" for number in range(12)]
WORK_S = {"asr": 0.12, "tts": 0.08, "llm": 0.03, "turn": 0.02, "vad": 0.0005}


async def talk(host):
    """Hold a conversation; return the 95th percentile of the time to an answer, in ms."""
    caller = host.callers.call()
    for question in QUESTIONS:
        await caller.says(question)
    waits = [turn.voice_to_voice_ms for turn in caller.turns]
    assert len(waits) == len(QUESTIONS)
    assert not caller.silences
    return quantiles(waits, n=20)[-1]


async def upload(host, minutes, done):
    transcriber = Transcriber(host, done.append)
    minute = np.concatenate([*(np.concatenate((voice(4.0), silence(1.0))) for _ in range(12))])
    try:
        for _ in range(minutes):
            await transcriber.push(minute)
    finally:
        transcriber.close()


async def read_aloud(host, done):
    speaker = Speaker(host)
    try:
        while True:
            speech = speaker.speak()
            speech.push("One two three four five. " * 40)
            speech.finish()
            done += [piece async for piece in speech.pieces()]
    finally:
        speaker.close()


def crowd(*, programs):
    async def main():
        host = VirtualHost(step_s=lambda batch: WORK_S[batch.lane], concurrency=1)
        heard, read = [], []
        work = [upload(host, 60, heard), read_aloud(host, read)] if programs else []
        tasks = [asyncio.create_task(one) for one in work]
        try:
            return await talk(host), heard, read
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert host.lent == 0
            host.close()

    return run_virtual(main())


def test_an_answer_is_hardly_later_while_an_hour_is_transcribed_and_a_book_is_read():
    alone, _, _ = crowd(programs=False)
    beside, heard, read = crowd(programs=True)
    assert beside <= 1.3 * alone
    assert len(heard) > len(QUESTIONS), "and meanwhile they go on"
    assert len(read) > len(QUESTIONS)


def test_on_a_device_that_is_never_idle_they_go_on_all_the_same():
    async def main():
        host = VirtualHost(step_s=lambda batch: 0.1, concurrency=1, llm=lambda messages: "and on " * 10_000)
        loop, done = asyncio.get_running_loop(), []
        endless = host.engines.llm.open(lambda event: endless.reschedule(1, loop.time()))
        endless.generate(1, (), loop.time())
        ear = host.open_recogniser(lambda event: done.append(loop.time()), Need.BACKGROUND)
        ear.begin_speech()
        ear.push(voice(1.0))
        ear.finalise(1, loop.time())
        await asyncio.sleep(2 * PATIENCE_S)
        host.close()
        return done

    assert PATIENCE_S < run_virtual(main())[-1] < PATIENCE_S + 1.0
