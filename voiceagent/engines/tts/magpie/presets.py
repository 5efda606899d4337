"""How many frames are decoded to sound at once: few give early first audio, many cost less per frame."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Preset:
    """Frames of 46.4 ms in an utterance's first piece, its next ones, and those with plenty of slack."""

    first: int
    following: int
    relaxed: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """All sizes, the largest first."""
        return tuple(sorted({self.first, self.following, self.relaxed}, reverse=True))

    def frames(self, *, started: bool, slack_s: float) -> int:
        """Return the size of the next piece, in frames, `slack_s` before a listener would miss it."""
        if not started:
            return self.first
        return self.relaxed if slack_s > RELAXED_S else self.following


RELAXED_S = 2.0
"""With this much slack the size of a piece cannot be heard."""
PRESETS = {"aggressive": Preset(4, 8, 32), "balanced": Preset(6, 10, 40), "conservative": Preset(8, 12, 48)}
"""First and following frames are those of the presets in pipecat-ai/nemotron-january-2026."""
