"""Long arithmetic on a thread of its own: its result comes on the event loop, and it rests."""

import asyncio
import logging
import threading

from voiceagent.scheduler.admission import reckoning
from voiceagent.scheduler.admission.reckoning import reckon


def result_of(work):
    async def main():
        taken = asyncio.get_running_loop().create_future()
        reckon(work, lambda result: taken.set_result((result, threading.current_thread())))
        return await asyncio.wait_for(taken, 30)

    return asyncio.run(main())


def test_the_result_comes_on_the_event_loop_from_another_thread() -> None:
    threads = []

    def work(rest):
        threads.append(threading.current_thread())
        return 7

    assert result_of(work) == (7, threading.current_thread())
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_what_raises_is_logged_and_gives_nothing(caplog) -> None:
    def work(rest):
        raise ValueError("no such number")

    with caplog.at_level(logging.ERROR):
        assert result_of(work)[0] is None
    assert "no such number" in caplog.text


def test_it_rests_when_it_has_worked_for_a_while(monkeypatch) -> None:
    clock, slept = [0.0], []
    monkeypatch.setattr(reckoning, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(reckoning, "sleep", slept.append)

    def work(rest):
        for _ in range(10):
            clock[0] += reckoning.WORK_S / 4
            rest()
        return 0

    result_of(work)
    assert slept == [reckoning.REST_S] * 2


def test_a_result_that_nobody_waits_for_any_more_is_dropped() -> None:
    go, done = threading.Event(), threading.Event()

    def work(rest):
        go.wait(30)
        return 1

    async def main():
        reckon(work, lambda result: done.set())

    asyncio.run(main())
    go.set()
    for thread in threading.enumerate():
        if thread.name == "reckoning":
            thread.join(30)
    assert not done.is_set()
