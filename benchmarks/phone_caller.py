"""The benchmarks' caller by telephone: the line of a `Telephone`, heard on the clock of the others. No messages."""

from types import TracebackType
from typing import Self

import numpy as np

from benchmarks.line import CallerError, Conversation
from benchmarks.listener import RATE
from benchmarks.microphone import FRAME_SAMPLES, Said
from benchmarks.telephone import Telephone
from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm


class PhoneCaller(Conversation):
    """One call."""

    def __init__(self, phone: Telephone) -> None:
        super().__init__()
        self._phone = phone
        self._ear = Resampler(phone.rate, RATE)
        phone.on_frame = self._hear

    async def __aenter__(self) -> Self:
        await self._phone.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._phone.__aexit__(kind, error, traceback)

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio; return when it was sent. Its last sample is the last of a frame. Raises CallerError."""
        start = self.now
        await self._phone.say(np.concatenate([np.zeros(-len(pcm) % FRAME_SAMPLES, np.float32), pcm]))
        if self._phone.closed is not None:
            raise CallerError(f"The call is over: {self._phone.closed}.")
        return Said(start, self.now)

    def _hear(self, frame: Pcm) -> None:
        self.heard.hear(self._ear.push(frame), self.now)
        self._news.set()
