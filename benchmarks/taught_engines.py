"""The real engines, doing all of their work, and made to give what a talk needs: outcomes are teacher-forced.

Random weights hear no words, say nothing and never end. So every step is computed as with real weights, and then what
came of it is replaced: a recogniser hears a word in every voiced chunk, a reply is written from a script, and an
utterance lasts as long as its text would, and hums.

What a reply's tokens were is not what stands in the history afterwards, so that a turn reads the reply before it anew;
real weights would have that in memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulated_engines import reply
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.nemotron.engine import NemotronEngine
from voiceagent.engines.asr.nemotron.engine import Work as Hearing
from voiceagent.engines.asr.nemotron.recogniser import Heard
from voiceagent.engines.contract import Batch
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama import LlamaEngine, Outcome
from voiceagent.engines.llm.llama_stream import Drawn
from voiceagent.engines.scripted import VOICED_RMS, rms
from voiceagent.engines.tts.magpie.decode_loop import Row, Stepped
from voiceagent.engines.tts.magpie.engine import MagpieEngine
from voiceagent.engines.tts.magpie.engine import Work as Speaking
from voiceagent.engines.tts.magpie.speaker import Begin, Decode, Sound

FRAMES_PER_TOKEN = 1.45
"""English at 15 phonemes a second (Magpie's tokens), in frames of 46.4 ms."""
HUM_HZ = 180.0
WORD_MARK = "\u2581"


class TaughtNemotron(NemotronEngine):
    """Hears one and the same word wherever there is a voice."""

    _word = -1

    def load(self) -> None:
        """Load the model, and choose a word that its tokenizer knows."""
        super().load()
        pieces = self._tokenizer.ids_to_tokens(list(range(self._tokenizer.vocab_size)))
        self._word = next(number for number, piece in enumerate(pieces) if piece[:1] == WORD_MARK and len(piece) > 2)

    def run(self, batch: Batch) -> list[Heard]:
        """Compute the chunks, and hear a word in each that is voiced."""
        assert isinstance(batch.work, Hearing)
        return [
            Heard((self._word,), (0,), True) if rms(window[-SAMPLE_RATE // 10 :]) >= VOICED_RMS else Heard((), (), True)
            for window, _ in zip(batch.work.windows, super().run(batch), strict=True)
        ]


class TaughtLlama(LlamaEngine):
    """Writes replies of one to six sentences, a word with every token."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._scripts: dict[int, tuple[object, Iterator[str]]] = {}
        self._replies = 0

    def run(self, batch: Batch) -> Outcome:
        """Compute the step, and draw the script's next words."""
        outcome = super().run(batch)
        return replace(outcome, drawn={piece: self._say(piece.work, drawn) for piece, drawn in outcome.drawn.items()})

    def _say(self, work: object, drawn: Drawn) -> Drawn:
        if id(work) not in self._scripts:
            self._replies += 1
            words = reply((Message("user", str(self._replies)),)).split()
            self._scripts[id(work)] = work, iter(words)  # the work is held, lest another takes over its id
        word = next(self._scripts[id(work)][1], None)
        return Drawn(drawn.token, b"" if word is None else f" {word}".encode(), word is None)


class TaughtMagpie(MagpieEngine):
    """Speaks for as long as a text lasts, and hums."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tokens: dict[Row, int] = {}

    def run(self, batch: Batch) -> Any:
        """Compute the step; a text that is begun gets its end, a frame its place in the text, and sound its hum."""
        work = batch.work
        assert isinstance(work, Speaking)
        task = work.task
        for row in work.rows:
            self._tokens.pop(row, None)
        if isinstance(task, Begin):
            task = replace(task, frames=round(FRAMES_PER_TOKEN * len(task.chunk.tokens)))
        results: Any = super().run(replace(batch, work=replace(work, task=task)))
        if isinstance(task, Begin):
            self._tokens[results] = len(task.chunk.tokens)
        elif isinstance(task, Decode):
            return [self._placed(row, stepped) for row, stepped in zip(task.rows, results, strict=True)]
        elif isinstance(task, Sound):
            return [hum(len(pcm), self.sample_rate) for pcm in results]
        return results

    def _placed(self, row: Row, stepped: Stepped) -> Stepped:
        token = self._tokens[row] * row.steps // (row.limit + 1)
        if stepped.ended:
            del self._tokens[row]
        return replace(stepped, token=token, bounded=False, finite=True)


def hum(samples: int, rate: int) -> NDArray[np.float32]:
    """Return something audible."""
    return (0.2 * np.sin(2 * np.pi * HUM_HZ * np.arange(samples) / rate)).astype(np.float32)
