"""A fused kernel that cannot be used on a GPU: its plain form stands in for it, and the log says so once."""

import logging
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from voiceagent.engines.nemo.fused import operation  # noqa: E402 (needs torch)
from voiceagent.engines.nemo.trial.kernels import left_out  # noqa: E402


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """Have every kernel raise, and none have failed yet; return how often one was launched."""
    launches: list[int] = []

    def launch(*given: Any) -> Any:
        launches.append(len(given))
        raise error

    monkeypatch.setattr(operation, "launcher", lambda name: launch)
    monkeypatch.setattr(operation, "FAILED", {})
    monkeypatch.setitem(operation.PLAIN, "double", lambda given: 2 * given)
    return launches


def test_a_kernel_that_does_not_compile_is_tried_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    launches = fail_with(monkeypatch, RuntimeError("PassManager::run failed\nand more of it"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert operation.launched("double", torch.tensor(4)) == 8
    assert launches == [1]
    assert operation.FAILED == {"double": "RuntimeError: PassManager::run failed"}
    (found,) = left_out("asr on gpu", before=frozenset())
    assert "the kernel double cannot be used (RuntimeError: PassManager::run failed)" in found.text
    assert not list(left_out("tts on gpu", before=frozenset(operation.FAILED)))
    (told,) = caplog.messages
    assert "the kernel double cannot be used" in told


def test_a_lack_of_memory_is_not_taken_for_a_kernel_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, torch.OutOfMemoryError("none left"))
    with pytest.raises(torch.OutOfMemoryError):
        operation.launched("double", torch.tensor(4))
    assert not operation.FAILED
