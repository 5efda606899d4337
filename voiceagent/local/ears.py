"""The microphone's way to the session: to 16 kHz, without the echo."""

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.reframe import Reframer
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.local.device import Block
from voiceagent.local.echo import EchoCanceller
from voiceagent.local.linear import BLOCK


class Ears:
    """Hears blocks at `rate`; `canceller` is None where nothing of the agent comes back."""

    def __init__(self, rate: int, canceller: EchoCanceller | None) -> None:
        self._near, self._far = (Reframer(rate, SAMPLE_RATE, BLOCK) for _ in range(2))
        self._canceller = canceller

    def hear(self, block: Block) -> list[Pcm]:
        """Return what was heard, in pieces of 10 ms at 16 kHz."""
        # Both go through the same filter, so that the canceller does not see it.
        pairs = zip(self._near.push(block.near), self._far.push(block.far), strict=True)
        if self._canceller is None:
            return [near for near, _ in pairs]
        return [self._canceller.gate(self._canceller.process(near, far)) for near, far in pairs]
