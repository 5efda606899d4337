"""The real language model, doing all of its work, made to write from a script.

A reply's tokens differ from the text in the history afterwards, so a turn rereads the reply before it; real weights
would have that in memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.simulated_engines import reply
from voiceagent.engines.contract import Batch
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama.common import Drawn
from voiceagent.engines.llm.llama.engine import LlamaEngine
from voiceagent.engines.llm.llama.runner import StepResult


class TaughtLlama(LlamaEngine):
    """Writes replies of one to six sentences, a word with every token."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._scripts: dict[int, tuple[object, Iterator[str]]] = {}
        self._replies = 0

    def run(self, batch: Batch) -> StepResult:
        """Compute the step, and draw the script's next words."""
        outcome = super().run(batch)
        return replace(outcome, drawn={piece: self._say(piece.work, drawn) for piece, drawn in outcome.drawn.items()})

    def _say(self, work: object, drawn: Drawn) -> Drawn:
        if id(work) not in self._scripts:
            self._replies += 1
            words = reply((Message("user", str(self._replies)),)).split()
            self._scripts[id(work)] = work, iter(words)  # the work is kept alive, so that no other gets its id
        word = next(self._scripts[id(work)][1], None)
        return Drawn(drawn.token, b"" if word is None else f" {word}".encode(), word is None)
