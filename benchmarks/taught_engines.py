"""The real recogniser and voice, doing all of their work, with outputs teacher-forced to what a talk needs.

Random weights hear no words and never end. So every step is computed as with real weights, and then its output is
replaced: the recogniser hears a word in every voiced chunk, and an utterance lasts as long as its text would, and hums.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.nemotron.engine import ChunkWork as Hearing
from voiceagent.engines.asr.nemotron.engine import NemotronEngine
from voiceagent.engines.asr.nemotron.recogniser import Heard
from voiceagent.engines.contract import Batch
from voiceagent.engines.scripted import VOICED_RMS, rms
from voiceagent.engines.tts.magpie.decode_loop import Row, Stepped
from voiceagent.engines.tts.magpie.engine import MagpieEngine
from voiceagent.engines.tts.magpie.speaker import Begin, Decode, Decoded, Sound
from voiceagent.engines.tts.magpie.work import TaskWork as Speaking

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
        word, nothing = Heard((self._word,), (0,), (0.0,), True), Heard((), (), (), True)
        return [
            word if rms(window[-SAMPLE_RATE // 10 :]) >= VOICED_RMS else nothing
            for window, _ in zip(batch.work.windows, super().run(batch), strict=True)
        ]


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
            rows = [self._placed(row, stepped) for row, stepped in zip(task.rows, results.rows, strict=True)]
            return Decoded(rows, self._hummed(results.sound))
        elif isinstance(task, Sound):
            return self._hummed(results)
        return results

    def _hummed(self, sound: list[Pcm]) -> list[Pcm]:
        return [hum(len(pcm), self.sample_rate) for pcm in sound]

    def _placed(self, row: Row, stepped: Stepped) -> Stepped:
        token = self._tokens[row] * row.steps // (row.limit + 1)
        if stepped.ended:
            del self._tokens[row]
        return replace(stepped, token=token, bounded=False, finite=True)


def hum(samples: int, rate: int) -> NDArray[np.float32]:
    """Return something audible."""
    return (0.2 * np.sin(2 * np.pi * HUM_HZ * np.arange(samples) / rate)).astype(np.float32)
