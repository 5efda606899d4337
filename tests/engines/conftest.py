"""Models that take seconds to build, once for all tests of engines."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def nemotron_model() -> Iterator[Any]:
    """A tiny dummy of Nemotron Speech; only where NeMo is installed."""
    torch = pytest.importorskip("torch")
    from voiceagent.engines.nemo.dummies.nemotron import dummy_asr

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield dummy_asr("tiny")
    torch.set_num_threads(before)
