"""Speech at another pace and the same pitch, by FFmpeg's `atempo` (through PyAV)."""

import av
import numpy as np
from av.filter import Graph

from voiceagent.audio.pcm import Pcm

SLOWEST = 0.5
"""What one `atempo` can do; slower speech passes two."""


class Tempo:
    """Changes the pace of a live stream of mono audio at `rate` Hz: `speed` 2.0 takes half the time.

    It holds back some tens of milliseconds. Speeds are from 0.25 to 100.
    """

    def __init__(self, rate: int, speed: float) -> None:
        self._rate = rate
        stages = [speed] if speed >= SLOWEST else [SLOWEST, speed / SLOWEST]
        self._graph = Graph()
        nodes = [
            self._graph.add_abuffer(sample_rate=rate, format="flt", layout="mono"),
            *(self._graph.add("atempo", f"{stage:.6f}") for stage in stages),
            self._graph.add("abuffersink"),
        ]
        self._graph.link_nodes(*nodes).configure()

    def push(self, pcm: Pcm) -> Pcm:
        """Take the next samples; return what is ready (perhaps nothing)."""
        if len(pcm) == 0:
            return np.zeros(0, np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._rate
        self._graph.push(frame)
        return self._ready()

    def flush(self) -> Pcm:
        """Return the last samples; the stream is over."""
        self._graph.push(None)
        return self._ready()

    def _ready(self) -> Pcm:
        pieces: list[Pcm] = []
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            pieces.append(frame.to_ndarray().reshape(-1).astype(np.float32, copy=False))
