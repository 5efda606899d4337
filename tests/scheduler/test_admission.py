"""Admission: the capacity, known as soon as the costs are, and again when they change."""

import asyncio
import logging

import pytest
from test_forecast import DECODE, SOUND, costs, demand

from voiceagent.scheduler.admission import Admission
from voiceagent.scheduler.admission import admission as module
from voiceagent.scheduler.admission.admission import HOLD_S, REST, SETTLE_S
from voiceagent.scheduler.costs import CostModel
from voiceagent.scheduler.window import ENOUGH

CARRIED, PRESENT = 3, 2


class Reckonings:
    """Takes the questions, to be answered by the test."""

    def __init__(self):
        self.questions = []
        self.cancelled = 0
        self.paused = 0

    def __call__(self, question, take):
        self.questions.append(question)
        self.take = take
        return self

    def cancel(self):
        self.cancelled += 1

    def pause(self):
        self.paused += 1


@pytest.fixture
def asked(monkeypatch) -> Reckonings:
    reckonings = Reckonings()
    monkeypatch.setattr(module, "ForecastProcess", reckonings)
    return reckonings


def admission(model=None, present=lambda: PRESENT, now=lambda: 0.0) -> Admission:
    model = costs() if model is None else model
    return Admission(demand(), model, 1, {"vad"}, promise_s=1.2, most=64, present=present, now=now)


def test_before_every_kind_of_step_was_seen_there_is_no_telling(asked) -> None:
    model = CostModel()
    found = admission(model)
    for key in (("asr.final", 1), ("turn.predict", 1), ("llm.prefill", 1), DECODE, SOUND):
        found.look()
        assert asked.questions == []
        model.observe(key, 0.01)
    found.look()
    assert found.capacity is None
    asked.take(CARRIED)
    assert found.capacity == CARRIED


def test_where_no_engine_says_its_steps_there_is_no_telling(asked) -> None:
    silent = demand(transcript=(), judgement=(), prompt=(), first_text=(), text=(), first_sound=(), sound=())
    found = Admission(silent, costs(), 1, promise_s=1.2, most=64, present=lambda: PRESENT)
    found.look()
    assert found.capacity is None
    assert asked.questions == []


def test_the_question_is_asked_of_costs_that_learn_no_more(asked) -> None:
    model = costs()
    admission(model).look()
    (question,) = asked.questions
    before = question.costs.predict(DECODE)
    for _ in range(8):
        model.observe(DECODE, 9.0)
    assert question.costs.predict(DECODE) == before
    assert (question.concurrency, question.off_device, question.promise_s, question.most) == (1, {"vad"}, 1.2, 64)
    assert question.known is None


def test_it_is_asked_anew_when_a_cost_has_changed_and_not_before(asked) -> None:
    model = costs()
    found = admission(model)
    found.look()
    asked.take(CARRIED)
    for _ in range(8):
        model.observe(DECODE, 0.0115)
    found.look()
    assert len(asked.questions) == 1
    for _ in range(8):
        model.observe(DECODE, 0.05)
    found.look()
    assert [question.known for question in asked.questions] == [None, CARRIED]


def test_steps_that_are_slower_than_foreseen_are_taken_to_stay_so(asked) -> None:
    model = costs()
    found = admission(model)
    found.look()
    asked.take(CARRIED)
    usual = model.predict(DECODE)
    for _ in range(ENOUGH):
        model.observe(DECODE, usual)
    for _ in range(1000):  # never alone, and never long beside one other: so costs and slow-downs stay
        model.observe(DECODE, 2 * usual, {"asr": usual, "tts": usual})
    found.look()
    assert model.predict(DECODE) == usual
    contention = asked.questions[-1].contention
    assert (contention.present, contention.slowness) == (PRESENT, pytest.approx(2.0, rel=0.05)), (
        "twice as slow, with so many"
    )
    assert asked.questions[-1].costs.predict(DECODE) == usual
    assert asked.questions[-1].known == CARRIED


def test_one_question_is_asked_at_a_time(asked) -> None:
    model = costs()
    found = admission(model)
    found.look()
    for _ in range(8):
        model.observe(DECODE, 0.05)
    found.look()
    assert len(asked.questions) == 1
    asked.take(CARRIED)
    found.look()
    assert len(asked.questions) == 2


def test_without_an_answer_the_last_one_holds(asked) -> None:
    found = admission()
    found.look()
    asked.take(None)
    assert found.capacity is None


def test_a_device_that_cannot_keep_the_promise_to_anybody_says_so(asked, caplog) -> None:
    found = admission()
    found.look()
    with caplog.at_level(logging.WARNING):
        asked.take(0)
    assert found.capacity == 0
    assert "not even one caller" in caplog.text


class House:
    """Somebody comes now and then."""

    def __init__(self, asked, capacity):
        self.now, self.present, self.model = 100.0, 0, costs()
        self.admission = admission(self.model, lambda: self.present, lambda: self.now)
        self.admission.look()
        asked.take(capacity)

    def arrive(self):
        self.present += 1
        self.admission.arrived()

    def slow_down(self):
        for _ in range(8):
            self.model.observe(DECODE, 1.5 * self.model.predict(DECODE))

    def look(self, after_s):
        self.now += after_s
        self.admission.look()


def test_the_first_half_may_come_at_once_and_then_one_at_a_time(asked) -> None:
    house = House(asked, capacity=6)
    for _ in range(3):
        assert not house.admission.is_settling
        house.arrive()
    assert house.admission.is_settling
    house.look(SETTLE_S / 2)
    assert house.admission.is_settling
    house.look(SETTLE_S / 2)
    assert not house.admission.is_settling
    house.arrive()
    assert house.admission.is_settling


def test_where_costs_have_changed_it_is_settled_when_that_is_reckoned(asked) -> None:
    house = House(asked, capacity=2)
    house.arrive()
    house.slow_down()
    house.look(SETTLE_S)
    assert len(asked.questions) == 2
    assert house.admission.is_settling
    house.now += SETTLE_S
    asked.take(2)
    assert not house.admission.is_settling


def test_what_was_reckoned_of_an_earlier_time_settles_nothing(asked) -> None:
    house = House(asked, capacity=2)
    house.slow_down()
    house.look(0.0)
    house.arrive()
    house.now += SETTLE_S
    asked.take(2)
    assert house.admission.is_settling


def test_a_reckoning_that_fails_settles_nothing(asked) -> None:
    house = House(asked, capacity=2)
    house.arrive()
    house.slow_down()
    house.look(SETTLE_S)
    asked.take(None)
    assert house.admission.is_settling
    house.look(SETTLE_S)
    assert not house.admission.is_settling


def test_the_least_number_of_the_last_half_minute_counts(asked) -> None:
    house = House(asked, capacity=5)

    def reckon(number, after_s):
        house.slow_down()
        house.look(after_s)
        asked.take(number)
        return house.admission.capacity

    assert reckon(3, 10.0) == 3, "less at once"
    assert reckon(6, 20.0) == 3, "more not before the least has held its time"
    assert reckon(7, HOLD_S - 15.0) == 6
    house.look(10 * HOLD_S)
    assert house.admission.capacity == 7, "the last one holds until there is another"


def test_an_old_number_is_reckoned_anew_while_somebody_is_there(asked) -> None:
    house = House(asked, capacity=1)
    house.look(HOLD_S)
    assert len(asked.questions) == 1, "nobody wants to know"
    house.arrive()
    house.look(1.0)
    assert len(asked.questions) == 2
    asked.take(4)
    house.look(HOLD_S - 1.0)
    assert len(asked.questions) == 2
    assert house.admission.capacity == 4


def test_nothing_has_to_settle_while_nothing_is_foreseen(asked) -> None:
    found = admission(CostModel())
    found.arrived()
    assert not found.is_settling


def test_it_looks_again_and_again_until_it_is_closed(asked, monkeypatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)

    async def main() -> None:
        model = CostModel()
        found = admission(model)
        found.start()
        for key in (("asr.final", 1), ("turn.predict", 1), ("llm.prefill", 1), DECODE, SOUND):
            model.observe(key, 0.01)
        while not asked.questions:  # noqa: ASYNC110 - a timer that is due at once
            await asyncio.sleep(0)
        found.close()
        assert asked.cancelled == 1

    asyncio.run(main())


def test_after_a_forecast_the_cores_are_left_to_the_lanes_for_a_while(asked) -> None:
    house = House(asked, capacity=2)
    house.arrive()
    house.slow_down()
    house.look(0.0)
    house.now += 4.0
    asked.take(2)
    house.slow_down()
    house.look(REST * 4.0 - 0.1)
    assert len(asked.questions) == 2
    house.look(0.2)
    assert len(asked.questions) == 3


def test_a_caller_who_begins_to_wait_pauses_the_forecast_under_way(asked) -> None:
    found = admission()
    found.answer_awaited()
    found.look()
    found.answer_awaited()
    assert asked.paused == 1
    asked.take(CARRIED)
    found.answer_awaited()
    assert asked.paused == 1
