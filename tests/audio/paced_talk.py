"""Speech whose samples are numbered, paced to a client on the virtual clock."""

import asyncio
from contextlib import asynccontextmanager, suppress

import numpy as np
from paced_client import Client

from voiceagent.audio import Drained, Playout, SpeechChunk, Word
from voiceagent.audio.pacer import LEAD_S, Pacer
from voiceagent.scheduler.virtual import run_virtual

RATE = 8_000
WORD_S = 0.25
SCALE = 2**17


class Speaking:
    """A playout whose samples are numbered, so that each that is played can be recognised; fades are off."""

    def __init__(self, fade_ms=0.0):
        self.playout = Playout(RATE, fade_ms=fade_ms)
        self.made = 0
        self.events = []

    def pull(self):
        frame = self.playout.pull()
        self.note()
        return frame

    def note_played(self):
        self.playout.note_played()
        self.note()

    def note(self):
        now = asyncio.get_running_loop().time()
        self.events += [(now, event) for event in self.playout.drain_events()]

    def say(self, seconds, generation=1, segment=0, final=True, words=True, pause_s=0.0):
        count = round(seconds * RATE)
        numbered = (np.arange(self.made + 1, self.made + count + 1) / SCALE).astype(np.float32)
        self.made += count
        spoken = [Word(f"{i}", i * WORD_S, (i + 1) * WORD_S) for i in range(int(seconds / WORD_S))] if words else []
        self.playout.enqueue(SpeechChunk(generation, segment, numbered, tuple(spoken), final, pause_s))

    def drained(self):
        return [at for at, event in self.events if isinstance(event, Drained)]


def numbers(pcm):
    """Return the numbers of the samples that are no silence."""
    return np.rint(pcm[pcm != 0] * SCALE).astype(int) - 1


@asynccontextmanager
async def pacing(speaking, lead_s=LEAD_S):
    client = Client(RATE)
    pacer = Pacer(speaking, client.send, client.clear, lead_s)
    task = asyncio.create_task(pacer.run())
    await asyncio.sleep(0)
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def play(scene, **options):
    async def main():
        speaking = Speaking(**options)
        async with pacing(speaking) as client:
            await scene(speaking, client)

    run_virtual(main())
