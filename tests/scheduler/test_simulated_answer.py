"""One imagined answer: prepared, released, spoken to its end, or interrupted."""

import asyncio

import pytest
from test_forecast import DECODE, FINAL, SOUND, costs, demand

from voiceagent.engines.contract import Need
from voiceagent.engines.queue import Job
from voiceagent.scheduler.admission import Listening, Work
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.forecast import ImaginedLane
from voiceagent.scheduler.admission.simulated_answer import Answer, Reading
from voiceagent.scheduler.admission.simulated_lanes import SimulatedLanes
from voiceagent.scheduler.virtual import run_virtual

STEP_S = 0.05


class Notes:
    """Stands for the line: every piece of work takes `STEP_S`, and is written down with its time and its need."""

    def __init__(self, of: Demand) -> None:
        self.demand = of
        self.asked = []
        self.cancelled = []
        self._tags = iter(range(99))

    def tag(self) -> int:
        return next(self._tags)

    async def run(self, caller, works, deadline, need, tag=None) -> None:
        loop = asyncio.get_running_loop()
        if works:
            self.asked.append((works[-1].key, round(loop.time(), 3), need))
            await asyncio.sleep(STEP_S)

    def reschedule(self, *of) -> None:
        pass

    def cancel(self, caller, tag) -> None:
        self.cancelled.append(tag)

    def of(self, key) -> list:
        return [(at, need) for asked, at, need in self.asked if asked == key]


def answered(of: Demand, segments: int, **how) -> tuple[Answer, Notes, float]:
    """Return an answer to a question that ended at 0, what it asked for, and when it was over."""

    async def scene():
        notes = Notes(of)
        answer = Answer(notes, 0, segments, **how)
        await asyncio.wait_for(answer.run(), 600)
        return answer, notes, asyncio.get_running_loop().time()

    return run_virtual(scene())


def test_before_the_turn_is_over_one_segment_is_prepared_and_no_more() -> None:
    _, notes, _ = answered(demand(stop_s=5.0), 3)
    assert [(at < 5.0, need) for at, need in notes.of(DECODE)] == [
        (True, Need.SPECULATIVE),
        (False, Need.PROMISED),
        (False, Need.PROMISED),
    ]
    assert notes.of(FINAL) == [(0.06, Need.AWAITED)]
    assert {need for at, need in notes.of(SOUND) if at < 5.0} == {Need.SPECULATIVE}


def test_where_answers_are_not_prepared_somebody_waits_for_all_of_it() -> None:
    _, notes, _ = answered(demand(stop_s=0.5, preemptive=False), 1)
    assert notes.of(DECODE) == [(0.5, Need.AWAITED)]
    assert [need for _, need in notes.of(SOUND)][:2] == [Need.AWAITED, Need.PROMISED]


def test_it_lasts_as_long_as_its_sound_and_the_pauses_between() -> None:
    answer, _, over_at = answered(demand(), 2)
    assert answer.heard_at is not None
    assert not answer.broken
    assert over_at == pytest.approx(answer.heard_at + 2 * (3.0 + 0.25))


def test_who_interrupts_it_hears_no_more_and_nothing_more_is_asked() -> None:
    answer, notes, over_at = answered(demand(), 6, cut_s=0.5)
    assert answer.heard_at is not None
    assert over_at == pytest.approx(answer.heard_at + 0.5)
    assert len(notes.of(SOUND)) < 20
    assert len(notes.cancelled) == 2


def test_callers_who_share_a_step_make_it_larger_by_their_parts() -> None:
    async def scene():
        of = demand(text=(Work(("llm.decode", 3), share=8),), listening=())
        lane = ImaginedLane("llm", of, callers=2)
        for caller, size in ((0, 3), (1, 3), (2, 1)):
            lane.submit(Job(caller, 0, 0.0, ("llm.decode", size), (step for step in ()), lambda event: None))
        return lane.pending(0.0)

    assert run_virtual(scene()).cost_key == ("llm.decode", 7)


def test_everybody_who_is_always_heard_is_company_to_wait_for() -> None:
    works = (Work(("asr.chunk", 1), share=8),)
    lane = ImaginedLane("asr", demand(listening=(Listening(works, 0.16, always=True),)), callers=5)
    lane.submit(Job(0, 0, 1.0, ("asr.chunk", 1), (step for step in ()), lambda event: None, Need.PROMISED))
    lane.submit(Job(1, 0, 1.0, ("asr.chunk", 1), (step for step in ()), lambda event: None, Need.PROMISED))
    assert lane.pending(0.0).expected_joiners == 3


def test_work_that_costs_nothing_here_is_done_at_once() -> None:
    async def scene():
        line = SimulatedLanes(demand(), costs(), {}, 1)
        await line.run(0, (), 0.0, Need.AWAITED)
        return asyncio.get_running_loop().time()

    assert run_virtual(scene()) == 0.0


def test_an_answer_waits_for_what_is_still_being_read_and_takes_it_over() -> None:
    async def scene():
        notes, moved = Notes(demand()), []
        notes.reschedule = lambda caller, works, tag, deadline, need: moved.append((tag, need))
        reading = Reading(notes.tag(), asyncio.create_task(asyncio.sleep(2.0)))
        await Answer(notes, 0, 1, reading=reading).run()
        return notes, [need for tag, need in moved if tag == reading.tag]

    notes, needs = run_virtual(scene())
    assert [at for at, _ in notes.of(DECODE)] == [pytest.approx(2.0, abs=0.01)]
    assert needs[0] is Need.SPECULATIVE, "a guess as long as the answer is one"
    assert Need.AWAITED in needs, "and awaited from the turn's end on"
