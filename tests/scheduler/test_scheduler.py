"""The scheduler on the virtual clock, with an engine whose steps cost what the test says."""

import asyncio

import pytest

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.queue import Job, QueueEngine
from voiceagent.scheduler.lane import ThreadLane, VirtualLane
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.scheduler.virtual import run_virtual

STEP_S = 0.1


def engine_with_scheduler(lane="llm", on_step=lambda step: None):
    engine = QueueEngine(lane)
    scheduler = Scheduler({lane: engine}, {lane: VirtualLane(lambda batch: STEP_S)}, 2, on_step=on_step)
    return engine, scheduler


def job(events, *, tag=1, deadline=0.0, steps=("a", "b"), **kwargs):
    return Job(0, tag, deadline, ("llm.decode", 1), (step for step in steps), events.append, **kwargs)


def failing():
    yield "before"
    raise ValueError("out of memory")


def test_steps_follow_each_other_and_events_come_in_order():
    async def main():
        events, steps = [], []
        engine, _ = engine_with_scheduler(on_step=steps.append)
        engine.submit(job(events))
        await asyncio.sleep(1)
        assert events == ["a", "b"]
        assert [round(step.end - step.start, 6) for step in steps] == [STEP_S] * 3

    run_virtual(main())


def test_an_urgent_job_overtakes_between_two_steps():
    async def main():
        events = []
        engine, _ = engine_with_scheduler()
        engine.submit(job(events, deadline=9.0, steps=("slow 1", "slow 2", "slow 3")))
        await asyncio.sleep(STEP_S * 1.5)
        engine.submit(job(events, tag=2, deadline=1.0, steps=("urgent",)))
        await asyncio.sleep(1)
        assert events == ["slow 1", "slow 2", "urgent", "slow 3"]

    run_virtual(main())


def test_a_cancelled_job_is_never_heard_of_again():
    async def main():
        events = []
        engine, _ = engine_with_scheduler()
        engine.submit(job(events, steps=("a", "b", "c")))
        await asyncio.sleep(STEP_S * 1.5)
        engine.cancel(0)
        await asyncio.sleep(1)
        assert events == ["a"]
        assert engine.pending(0.0) is None

    run_virtual(main())


def test_a_step_that_throws_fails_its_own_job_only():
    async def main():
        broken, sound = [], []
        engine, _ = engine_with_scheduler()
        engine.submit(job(broken, tag=7, steps=failing()))
        engine.submit(job(sound, tag=8))
        await asyncio.sleep(2)
        assert broken[0] == "before"
        assert isinstance(broken[1], StreamFailed)
        assert broken[1].tag == 7
        assert str(broken[1].error) == "out of memory"
        assert sound == ["a", "b"]

    run_virtual(main())


def test_held_work_waits_until_it_is_rescheduled():
    async def main():
        events = []
        engine, _ = engine_with_scheduler()
        engine.submit(job(events, deadline=float("inf")))
        await asyncio.sleep(1)
        assert events == []
        engine.reschedule(0, 1, 0.0, need=Need.AWAITED)
        await asyncio.sleep(1)
        assert events == ["a", "b"]

    run_virtual(main())


def test_a_closed_scheduler_starts_and_delivers_nothing():
    async def main():
        events = []
        engine, scheduler = engine_with_scheduler()
        engine.submit(job(events))
        await asyncio.sleep(STEP_S / 2)
        scheduler.close()
        engine.submit(job(events, tag=2))
        await asyncio.sleep(1)
        assert events == []

    run_virtual(main())


def test_a_thread_lane_runs_steps_off_the_loop_and_delivers_on_it():
    async def main():
        import threading

        done = asyncio.Event()
        threads = []

        def steps():
            threads.append(threading.current_thread().name)
            yield "result"

        def heard(event):
            threads.append(threading.current_thread().name)
            done.set()

        engine, lane = QueueEngine("asr"), ThreadLane("asr")
        scheduler = Scheduler({"asr": engine}, {"asr": lane}, 1)
        engine.submit(Job(0, 1, 0.0, ("asr", 1), steps(), heard))
        await asyncio.wait_for(done.wait(), 60)
        scheduler.close()
        lane.close()
        assert threads == ["lane-asr", threading.main_thread().name]

    asyncio.run(main())


def test_the_virtual_clock_says_when_everything_waits_for_nothing():
    async def main():
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="no timer"):
        run_virtual(main())
