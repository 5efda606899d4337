"""What a language model on a GPU runs before the first conversation; no GPU and no model is needed for that."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from voiceagent.engines.llm.llama import runner as module
from voiceagent.engines.llm.llama.context import Rows
from voiceagent.engines.llm.llama.context_shape import ContextShape
from voiceagent.engines.llm.llama.runner import Runner
from voiceagent.engines.llm.llama.sampler import Sampling
from voiceagent.engines.recording import RECORDING


class Context:
    """Notes the batches, and whether others are kept from synchronising the GPU meanwhile."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.batches: list[list[int]] = []
        self.locked: set[bool] = set()

    def decode(self, rows: list[Rows]) -> list[int]:
        for row in rows:
            assert row.start == self.held.get(row.sequence, 0)
            self.held[row.sequence] = row.start + len(row.tokens)
        self.batches.append([len(row.tokens) for row in rows])
        self.locked.add(RECORDING.locked())
        return [len(rows) - 1]

    def drop(self, sequence: int) -> None:
        self.held.pop(sequence, None)

    def sample(self, sampler: Any, row: int) -> int:
        return 0


def warmed_up(monkeypatch: pytest.MonkeyPatch, gpu_layers: int) -> Context:
    monkeypatch.setattr(module, "Sampler", lambda model, sampling: None)
    shape = ContextShape.of(
        context_tokens=None,
        session_tokens=1024,
        max_streams=6,
        prefill_tokens=64,
        streams_per_step=None,
        gpu_layers=gpu_layers,
        flash_attention=None,
        kv_type="f16",
    )
    context: Any = Context()
    model: Any = SimpleNamespace(tokenize=lambda text: [7])
    Runner(model, context, np.array([], np.intp)).warm_up(shape, Sampling(), on_gpu=gpu_layers != 0)
    assert not context.held
    return context


def test_on_a_gpu_every_size_of_step_is_run_with_no_other_library_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    context = warmed_up(monkeypatch, -1)
    assert [batch for batch in context.batches if len(batch) == 1][:8] == [[1], [2], [4], [8], [16], [32], [64], [102]]
    assert [len(batch) for batch in context.batches[8:]] == [1, 2, 4, 6]
    assert context.locked == {True}


def test_on_a_cpu_the_largest_and_the_smallest_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    context = warmed_up(monkeypatch, 0)
    assert context.batches == [[97], [1]]
    assert context.locked == {False}
