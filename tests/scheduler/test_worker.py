"""A question is answered by another process; its answer comes on the event loop."""

import asyncio
import logging
import sys
import threading
from dataclasses import replace

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
