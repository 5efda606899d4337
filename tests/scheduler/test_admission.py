"""Admission: how many callers can be carried, known as soon as the costs are, and again when they change."""

import asyncio
import logging

import pytest
from test_forecast import DECODE, SOUND, costs, demand

from voiceagent.scheduler.admission import Admission, Forecast
from voiceagent.scheduler.admission import admission as module
from voiceagent.scheduler.admission.admission import keeps
from voiceagent.scheduler.costs import CostModel


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Reckon at once, instead of on a thread."""
    monkeypatch.setattr(module, "reckon", lambda work, take: take(work(lambda: None)))


@pytest.fixture
def carrying(monkeypatch):
    """Let devices carry so many callers as the test says, and note which numbers were tried."""
    tried = []

    def device(carries):
        def foresee(callers, *args, **kwargs):
            tried.append(callers)
            return Forecast((0.1 if callers <= carries else 9.0,), 0, {})

        monkeypatch.setattr(module, "foresee", foresee)
        return tried

    return device


def admission(model=None, most=64, promise_s=1.2) -> Admission:
    return Admission(demand(), costs() if model is None else model, 1, promise_s=promise_s, most=most)


def test_before_every_kind_of_step_was_seen_there_is_no_telling() -> None:
    model = CostModel()
    found = admission(model, most=2)
    found.look()
    for key in (("asr.final", 1), ("turn.predict", 1), ("llm.prefill", 1), DECODE, SOUND):
        assert found.carried is None
        model.observe(key, 0.01)
        found.look()
    assert found.carried == 2


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 7, 64])
@pytest.mark.parametrize("carries", [0, 1, 2, 3, 4, 5, 6, 63, 64, 99])
def test_the_largest_number_that_keeps_the_promise_is_found_with_few_forecasts(carrying, carries, most) -> None:
    tried = carrying(carries)
    found = admission(most=most)
    found.look()
    assert found.carried == min(carries, most)
    assert len(tried) == len(set(tried)) <= 10


def test_it_is_reckoned_anew_when_a_cost_has_changed_and_not_before(carrying) -> None:
    tried = carrying(8)
    model = costs()
    found = admission(model)
    found.look()
    before = len(tried)
    for _ in range(8):
        model.observe(DECODE, 0.0115)
    found.look()
    assert len(tried) == before
    carrying(3)
    for _ in range(8):
        model.observe(DECODE, 0.05)
    found.look()
    assert found.carried == 3


def test_a_number_that_would_only_just_rise_stays(monkeypatch) -> None:
    wait_s = 1.5

    def foresee(callers, *args, **kwargs):
        return Forecast((callers * wait_s,), 0, {})

    monkeypatch.setattr(module, "foresee", foresee)
    model = costs()
    found = admission(model, promise_s=10 / module.MARGIN)
    found.look()
    assert found.carried == 6
    for level_s, waits_s, carried in ((0.05, 1.4, 6), (0.01, 1.2, 7), (0.05, 1.4, 7), (0.01, 1.5, 6)):
        wait_s = waits_s
        for _ in range(8):
            model.observe(DECODE, level_s)
        found.look()
        assert found.carried == carried


def test_a_device_that_cannot_keep_the_promise_to_anybody_says_so(carrying, caplog) -> None:
    carrying(0)
    found = admission()
    with caplog.at_level(logging.WARNING):
        found.look()
    assert found.carried == 0
    assert "not even one caller" in caplog.text


def test_a_promise_is_kept_if_answers_come_in_time_and_do_not_break_off() -> None:
    in_time = tuple(0.5 for _ in range(95)) + tuple(2.0 for _ in range(5))
    assert keeps(Forecast(in_time, 0, {}), 1.0)
    assert keeps(Forecast(in_time, 1, {}), 1.0)
    assert not keeps(Forecast(in_time, 2, {}), 1.0)
    assert not keeps(Forecast(in_time[1:] + (2.0,) * 2, 0, {}), 1.0)


def test_a_reckoning_that_fails_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(module, "reckon", lambda work, take: take(None))
    found = admission()
    found.look()
    assert found.carried is None


def test_after_its_end_it_learns_nothing_more(monkeypatch) -> None:
    takes = []
    monkeypatch.setattr(module, "reckon", lambda work, take: takes.append(take))

    async def main() -> None:
        found = admission()
        found.start()
        found.close()
        takes[0](3)
        assert found.carried is None

    asyncio.run(main())
