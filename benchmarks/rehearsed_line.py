"""A call without a network, in virtual time: a benchmark's caller on one side, a session with scripted engines, or some
real ones that listen, on the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from voiceagent.audio.opus import OpusDecoder, OpusEncoder
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.page.messages import payload
from voiceagent.engines.contract import Batch
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.session.reports import Report
from voiceagent.testing import Callers, run_virtual
from voiceagent.testing.webrtc.line import Line
from voiceagent.testing.webrtc.microphone import Microphone, Said

T = TypeVar("T")

LISTENING_S = {
    "vad.frame": 0.0001,
    "asr.encode": 0.0045,
    "asr.decode": 0.01,
    "turn.features": 0.0022,
    "turn.model": 0.03,
}
"""What steps of the embedded engines take for each unit of their cost key: medians of `configs/calibration/` for two
cores."""


def step_s(batch: Batch) -> float:
    """Return what a step takes on two cores."""
    kind, size = batch.cost_key
    return LISTENING_S[kind] * size if kind in LISTENING_S else SMALL_CPU.cost_s(batch.cost_key)


class RehearsedLine(Line):
    """One call; `sets` are settings over `config`, `engines` replace scripted ones. As a context manager it runs by
    itself.
    """

    sent, dropped = 100, 5

    def __init__(self, *sets: str, config: str = "scripted.yaml", **engines: Any) -> None:
        super().__init__()
        self._microphone = Microphone()
        self._callers = Callers(config, sets, step_s=step_s, **engines)
        self._session = self._callers.call(connected=False, on_report=self._show).session

    def _show(self, report: Report) -> None:
        if (message := payload(report)) is not None:
            self.take_message(message)

    async def say(self, pcm: Pcm) -> Said:
        """Speak 16 kHz audio; return when it was sent."""
        return await self._microphone.say(pcm)

    def send(self, payload: dict[str, Any]) -> None:
        """Send a message."""
        match payload:
            case {"type": "text", "text": text}:
                self._session.type(text)
            case {"type": "interrupt"}:
                self._session.stop_speaking()

    async def description(self) -> dict[str, Any]:
        """Return what a server says of a call."""
        return {"receive": {"lag_ms": 20.0}}

    async def __aenter__(self) -> "RehearsedLine":
        self._network = asyncio.create_task(self.carry())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._network.cancel()
        await asyncio.gather(self._network, return_exceptions=True)

    async def carry(self) -> None:
        """Be the network."""
        session = self._session
        decoder, encoder = OpusDecoder(16_000), OpusEncoder(session.playout.rate)
        session.open()
        number = 0
        try:
            while True:
                session.hear(decoder.decode(bytes(await self._microphone.recv())))
                self.take_packet(number & 0xFFFF, number * 960, encoder.encode(session.pull()), self.now)
                number += 1
        finally:
            session.close()
            self._callers.close()


def rehearse(talk: Callable[[Line], Awaitable[T]], *sets: str, config: str = "scripted.yaml", **engines: Any) -> T:
    """Run `talk` on a line."""

    async def main() -> T:
        async with RehearsedLine(*sets, config=config, **engines) as line:
            return await talk(line)

    return run_virtual(main())
