"""Where speech ends: the end-of-speech code among the drawn codes, or among the most likely ones.

Source: NeMo's `EOSDetectionMethod` and `MagpieTTSModel.detect_eos`.
"""

from dataclasses import dataclass

from torch import Tensor

from voiceagent.errors import VoiceAgentError

METHODS = tuple(
    f"{kind}_{which}" for kind in ("argmax", "argmax_or_multinomial") for which in ("any", "all", "zero_cb")
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the end is detected in the codes of `stacking` frames of `codebooks` codes."""

    method: str
    code: int
    stacking: int
    codebooks: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise VoiceAgentError(
                f"The checkpoint detects the end of speech by {self.method!r}; known are {', '.join(METHODS)}."
            )

    def frame(self, drawn: Tensor, likeliest: Tensor) -> Tensor:
        """Return the first frame (rows) that contains the end, or `stacking`; both arguments are (rows, codes)."""
        ends = self._ends(likeliest)
        if self.method.startswith("argmax_or_multinomial"):
            ends = ends | self._ends(drawn)
        return (ends.cumsum(1) == 0).sum(1)

    def _ends(self, codes: Tensor) -> Tensor:
        ends = codes.view(-1, self.stacking, self.codebooks) == self.code
        if self.method.endswith("_any"):
            return ends.any(2)
        return ends.all(2) if self.method.endswith("_all") else ends[:, :, 0]
