"""A question is answered by another process; its answer comes on the event loop."""

import asyncio
import io
import logging
import pickle
import signal
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from test_search import QUESTION

from voiceagent.scheduler.admission import worker as module
from voiceagent.scheduler.admission.worker import ForecastProcess

SMALL = replace(QUESTION, most=2)


def answer_to(question):
    async def main():
        taken = asyncio.get_running_loop().create_future()
        ForecastProcess(question, lambda answer: taken.set_result((answer, threading.current_thread())))
        return await asyncio.wait_for(taken, 60)

    return asyncio.run(main())


def test_the_answer_comes_on_the_event_loop() -> None:
    assert answer_to(SMALL) == (2, threading.current_thread())


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_a_process_that_cannot_answer_is_logged(monkeypatch, caplog, python) -> None:
    monkeypatch.setattr(sys, "executable", python)
    with caplog.at_level(logging.ERROR):
        assert answer_to(SMALL)[0] is None
    assert "could not be computed" in caplog.text


class Child:
    """A process that takes signals."""

    def __init__(self, command, **options) -> None:
        self.signals = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def send_signal(self, number) -> None:
        self.signals.append(number)

    def communicate(self, question):
        return (b"3", None)


def test_it_is_asked_to_stand_still_half_of_the_time_at_most(monkeypatch) -> None:
    children = []
    monkeypatch.setattr(module.subprocess, "Popen", lambda *a, **o: children.append(Child(*a, **o)) or children[-1])

    async def main():
        taken = asyncio.get_running_loop().create_future()
        forecast = ForecastProcess(SMALL, taken.set_result)
        await taken
        for tenths in range(0, 60, 6):
            forecast._loop = SimpleNamespace(time=lambda now=tenths / 10: now)
            forecast.pause()

    asyncio.run(main())
    assert children[0].signals == [signal.SIGURG] * 3


def test_the_process_stands_still_when_asked_and_answers_rightly_all_the_same(monkeypatch) -> None:
    slept = []
    monkeypatch.setattr(module.os, "nice", lambda by: None)
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pickle.dumps(SMALL))))
    monkeypatch.setattr(module, "max_callers", lambda question: signal.raise_signal(signal.SIGURG) or question.most)
    before = signal.getsignal(signal.SIGURG)
    try:
        module.answer()
    finally:
        signal.signal(signal.SIGURG, before)
    assert slept == [module.PAUSE_S]

    async def ask():
        taken = asyncio.get_running_loop().create_future()
        forecast = ForecastProcess(SMALL, taken.set_result)
        while not taken.done():
            forecast.pause()  # while it is being started, too
            await asyncio.sleep(0.001)
        forecast.pause()
        return taken.result()

    assert asyncio.run(ask()) == 2


def test_what_is_cancelled_ends_and_says_nothing(caplog) -> None:
    async def main():
        answers = []
        for _ in range(2):  # at once, and a moment later
            reckoning = ForecastProcess(replace(QUESTION, most=64), answers.append)
            await asyncio.sleep(0.0)
            reckoning.cancel()
            for thread in threading.enumerate():
                if thread.name == "forecast":
                    await asyncio.to_thread(thread.join, 30)
                    assert not thread.is_alive()
        assert answers == []

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "computed" not in caplog.text


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(monkeypatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(module.ForecastProcess, "_ask", lambda self: go.wait(30) and 1)
    answers = []

    async def main():
        ForecastProcess(SMALL, answers.append)

    asyncio.run(main())
    go.set()
    for thread in threading.enumerate():
        if thread.name == "forecast":
            thread.join(30)
    assert answers == []
