"""A recogniser for clients that say themselves when a turn is over: audio in at any pace, transcripts out.

Audio reaches the recogniser once the voice activity detector has judged it, so that speech begins at the same sample
whether the audio comes in real time or all at once. Knows no transport.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.host import Host
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent, Transcript
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadEvent
from voiceagent.session.endpointing import Endpointer
from voiceagent.session.events import SpeechPaused, SpeechStarted

MOST_UNJUDGED = 2 * SAMPLE_RATE
"""Samples that may wait for the detector; a client that is faster waits."""


class Listener:
    """One client's audio. `on_partial` gets the growing text of what was said since the last `end`.

    Raises UnavailableError when no recogniser can be lent.
    """

    def __init__(self, host: Host, on_partial: Callable[[str], None]) -> None:
        self._host = host
        self._on_partial = on_partial
        self._loop = asyncio.get_running_loop()
        self._endpointer = Endpointer(host.config.thresholds)
        self._unheard = np.zeros(0, np.float32)
        """Audio that the recogniser has not been given."""
        self._given = self._received = self._judged = self._detector_began = 0
        """Samples that the recogniser and the detector were given, that were judged, and before this detector."""
        self._progress = asyncio.Event()
        self._spoken = False
        """Whether there was speech since the last `end`."""
        self._speaking = False
        self._fork = 0
        self._transcript: asyncio.Future[str] | None = None
        """Of the last fork."""
        self.text = ""
        """What was said since the last `end`, as far as it is known."""
        with ExitStack() as opened:
            self._asr = host.open_recogniser(self._on_asr)
            opened.callback(self._asr.close)
            self._vad = host.open_detector(self._on_vad)
            opened.pop_all()

    async def hear(self, pcm: Pcm) -> None:
        """Take more audio (16 kHz mono float32); waits while the detector is far behind."""
        for start in range(0, len(pcm), SAMPLE_RATE):
            piece = pcm[start : start + SAMPLE_RATE]
            self._received += len(piece)
            self._unheard = np.concatenate((self._unheard, piece))
            self._vad.push(piece, self._loop.time())
            await self._until_judged(self._received - MOST_UNJUDGED)

    async def transcribe(self) -> str:
        """Return the text since the last `end`, up to the audio heard so far; the listening goes on.

        Raises what the recogniser raised.
        """
        await self._catch_up()
        if not self._spoken:
            return ""
        self.hurry()
        self._fork += 1
        self._transcript = self._loop.create_future()
        self._asr.finalise(self._fork, self._loop.time())
        if self._speaking:
            self._asr.begin_speech()
        self.text = await self._transcript
        return self.text

    def hurry(self) -> None:
        """Let a `transcribe` under way return what is known already."""
        if self._transcript is not None and not self._transcript.done():
            self._transcript.set_result(self.text)

    async def end(self) -> str:
        """Return the text as `transcribe` does, and begin a new one. No audio may be given meanwhile."""
        try:
            return await self.transcribe()
        finally:
            if self._spoken:
                self._asr.commit()
            self.text = ""
            self._spoken = self._speaking
            if self._speaking:
                self._asr.begin_speech()

    def close(self) -> None:
        """Give everything back."""
        with ExitStack() as closing:
            closing.callback(self._asr.close)
            closing.callback(self._vad.close)
        if self._transcript is not None:
            self._transcript.cancel()

    async def _catch_up(self) -> None:
        """Give the recogniser all audio, once all whole frames are judged."""
        whole = self._received - (self._received - self._detector_began) % FRAME_SAMPLES
        await self._until_judged(whole)
        self._give(self._received)

    async def _until_judged(self, sample: int) -> None:
        while self._judged < sample:
            self._progress.clear()
            await self._progress.wait()

    def _give(self, until: int) -> None:
        count = max(0, until - self._given)
        self._asr.push(self._unheard[:count])
        self._unheard = self._unheard[count:]
        self._given += count

    def _on_vad(self, event: VadEvent) -> None:
        if isinstance(event, StreamFailed) or not 0 <= event.probability <= 1:
            self._begin_anew()
            return
        self._judged = self._detector_began + event.end_sample
        self._give(self._judged)
        change = self._endpointer.feed(event)
        if isinstance(change, SpeechStarted):
            self._speaking = self._spoken = True
            self._asr.begin_speech()
        elif isinstance(change, SpeechPaused):
            self._speaking = False
        self._progress.set()

    def _begin_anew(self) -> None:
        """Go on with another detector: what this one has not judged counts as what came before."""
        self._vad.close()
        self._vad = self._host.open_detector(self._on_vad)
        self._judged = self._detector_began = self._received
        self._give(self._received)
        self._progress.set()

    def _on_asr(self, event: AsrEvent) -> None:
        fork = event.tag if isinstance(event, StreamFailed) else event.fork
        if fork is None and isinstance(event, Transcript):
            self.text = event.text
            self._on_partial(event.text)
        elif fork == self._fork and self._transcript is not None and not self._transcript.done():
            if isinstance(event, StreamFailed):
                self._transcript.set_exception(event.error)
            else:
                self._transcript.set_result(event.text)
