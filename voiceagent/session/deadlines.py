"""When a response's next text and audio are wanted, and how a delay would be heard.

Now, while the user waits in silence; later, before this session's playout runs dry. A response that is not released yet
is wanted about when the turn may be judged complete.
"""

import asyncio

from voiceagent.audio.playout import Playout
from voiceagent.engines.contract import Need

SPECULATIVE_HORIZON_S = 1.0
"""A speculative response is wanted about when the turn may be judged complete; only its order matters."""
SYNTHESIS_MARGIN_S = 0.15
"""Audio is wanted this long before the playout runs dry: one segment's synthesis and a scheduling hiccup."""
TEXT_MARGIN_S = 0.6
"""Text is wanted this long before the voice has no more of it: a segment is spoken only when its last word is written.
With the deadline at the last moment itself, simulated callers heard silence in mid-response (docs/scheduling.md)."""
SPEECH_CHARS_PER_S = 15.0
"""Usual rate of English speech, for text whose audio is not made yet."""


class Deadlines:
    """The deadlines of one response, as times of the event loop in seconds."""

    def __init__(self, playout: Playout, generation: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._playout = playout
        self._generation = generation

    def audio(self) -> float:
        """Return when its next audio is wanted."""
        now = self._loop.time()
        return max(now, now + self._playout.buffered_s(self._generation) - SYNTHESIS_MARGIN_S)

    def text(self, unspoken_chars: int) -> float:
        """Return when its next text is wanted, if so much of what is written is not spoken yet."""
        return max(self._loop.time(), self.audio() + unspoken_chars / SPEECH_CHARS_PER_S - TEXT_MARGIN_S)

    def first_text(self, released: bool) -> float:
        """Return when a reply is wanted that begins now."""
        return self.audio() if released else self._loop.time() + SPECULATIVE_HORIZON_S


def need_of(released: bool, *, begun: bool) -> Need:
    """Return how a delay is heard: not yet, as a longer silence, or as a gap in an answer that has `begun`."""
    if not released:
        return Need.SPECULATIVE
    return Need.PROMISED if begun else Need.AWAITED
