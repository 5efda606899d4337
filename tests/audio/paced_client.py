"""A client that plays what it is sent, one piece after the other, on the virtual clock: what it played is the truth."""

import asyncio

import numpy as np

NEAREST_S = 1e-9


class Client:
    """Takes frames as fast as it is told to (`accepts`: an event that `send` waits for)."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.loop = asyncio.get_running_loop()
        self.sent: list[tuple[float, np.ndarray]] = []
        """When each frame began to be sent, and what it holds."""
        self.clears: list[float] = []
        self.order: list[str] = []
        self.most_ahead_s = 0.0
        self.accepts = asyncio.Event()
        self.accepts.set()
        self._pieces: list[tuple[float, np.ndarray]] = []  # when each begins to be played, and its samples

    async def send(self, frame: np.ndarray) -> None:
        self.sent.append((self.loop.time(), frame))
        await self.accepts.wait()
        start = max(self.loop.time(), self._plays_until)
        self._pieces.append((start, frame))
        self.most_ahead_s = max(self.most_ahead_s, self._plays_until - self.loop.time())
        self.order.append("frame")

    async def clear(self) -> None:
        now = self.loop.time()
        self.clears.append(now)
        self.order.append("clear")
        kept = []
        for start, samples in self._pieces:
            count = min(len(samples), max(0, round((now - start) * self.rate)))
            if count:
                kept.append((start, samples[:count]))
        self._pieces = kept

    def played(self) -> np.ndarray:
        """Return all that it has played by now, gaps left out."""
        now, parts = self.loop.time(), [np.zeros(0, np.float32)]
        for start, samples in self._pieces:
            parts.append(samples[: max(0, round((now - start + NEAREST_S) * self.rate))])
        return np.concatenate(parts)

    def gaps_s(self) -> list[float]:
        """Return how long it fell silent between pieces."""
        ends = [start + len(samples) / self.rate for start, samples in self._pieces]
        waits = [later[0] - end for end, later in zip(ends, self._pieces[1:], strict=False)]
        return [wait for wait in waits if wait > NEAREST_S]

    @property
    def ahead_s(self) -> float:
        return max(0.0, self._plays_until - self.loop.time())

    @property
    def _plays_until(self) -> float:
        if not self._pieces:
            return 0.0
        start, samples = self._pieces[-1]
        return start + len(samples) / self.rate
