"""What people are told of how many callers their machine can answer in time."""

import pytest

from voiceagent.app.capacity import callers as module
from voiceagent.app.capacity.callers import MOST, capacity_in_words
from voiceagent.app.settings import load_settings
from voiceagent.scheduler.costs import CostModel

SETTINGS = load_settings("cpu.yaml", ["scheduler.promise_ms=900", "server.max_sessions=3"]).settings


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "Not even one caller can be answered within 900 ms"),
        (1, "1 caller can be answered within 900 ms"),
        (2, "2 callers can be answered within 900 ms (scheduler.promise_ms); server.max_sessions is 3."),
        (MOST, f"{MOST} callers or more can be answered"),
    ],
)
def test_it_says_how_many(monkeypatch, number, said) -> None:
    asked = []
    monkeypatch.setattr(module, "max_callers", lambda question: asked.append(question) or number)
    assert said in capacity_in_words(SETTINGS, CostModel(), has_gpu=False)
    assert (asked[0].promise_s, asked[0].most) == (0.9, MOST)
