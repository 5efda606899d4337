"""Handlers of events: in order, each by itself, and nobody's audio waits for one that raises or hangs."""

import asyncio
import logging
import threading
from types import SimpleNamespace

import pytest

from voiceagent import Agent
from voiceagent.app.events import MOST_WAITING, Error, Events, SessionEnded, SessionStarted, Tool, Transcript, Turn
from voiceagent.errors import VoiceAgentError
from voiceagent.session.effects import Floor
from voiceagent.session.reports import (
    EngineFailed,
    FloorChanged,
    SessionClosed,
    SessionOpened,
    ToolUsed,
    TurnTraced,
    UserText,
    UserTextWithdrawn,
)
from voiceagent.trace.turn import TurnTrace

SESSION = SimpleNamespace(id="ab12", state=SimpleNamespace(turn=3, response=None))
TRACE = TurnTrace("s1", 1, outcome="completed", user_text="Hello.", agent_text="Hi!")


def told(*reports, **handlers):
    """Return the events that handlers get of some reports."""

    async def main():
        events = Events()
        for name, handler in handlers.items():
            events.add(name, handler)
        for report in reports:
            events.report(SESSION, report)
        async with asyncio.timeout(60):
            while any(worker._waiting for workers in events._handlers.values() for worker in workers):  # noqa: ASYNC110
                await asyncio.sleep(0)
        events.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("report", "name", "event"),
    [
        (SessionOpened(), "session_started", SessionStarted(SESSION)),
        (SessionClosed(), "session_ended", SessionEnded(SESSION)),
        (UserTextWithdrawn(3, "Sure."), "transcript", Transcript(SESSION, 3, "Sure.", True, withdrawn=True)),
        (UserText(3, "Hello", False), "transcript", Transcript(SESSION, 3, "Hello", False)),
        (TurnTraced(TRACE), "turn", Turn(SESSION, "Hello.", "Hi!", "completed", None, TRACE)),
        (
            ToolUsed(1, "weather", "c", '{"city": "Rome"}', running=False, result="Sunny", seconds=0.5),
            "tool",
            Tool(SESSION, "weather", '{"city": "Rome"}', "Sunny", None, 0.5),
        ),
        (EngineFailed("asr", False, "It failed."), "error", Error(SESSION, "asr", "It failed.")),
    ],
)
@pytest.mark.parametrize("in_thread", [False, True])
def test_a_report_reaches_the_handlers_of_its_event(report, name, event, in_thread) -> None:
    got = []

    async def on_loop(event):
        got.append(event)

    told(report, **{name: got.append if in_thread else on_loop})
    assert got == [event]


def test_what_only_a_door_needs_is_no_event() -> None:
    got = []
    names = ("session_started", "transcript", "turn", "tool", "session_ended", "error")
    running = ToolUsed(1, "weather", "c", "{}", running=True)
    told(FloorChanged(Floor.USER), running, **dict.fromkeys(names, got.append))
    assert got == []


@pytest.mark.parametrize("in_thread", [False, True])
def test_events_come_in_order_and_one_that_raises_is_logged_and_followed_by_the_next(caplog, in_thread) -> None:
    got = []

    def take(event):
        got.append(event.text)
        if event.text == "1":
            raise KeyError("mine")

    async def take_on_loop(event):
        take(event)

    with caplog.at_level(logging.ERROR):
        told(*(UserText(1, str(n), False) for n in range(4)), transcript=take if in_thread else take_on_loop)
    assert got == ["0", "1", "2", "3"]
    assert "a handler of transcript events failed" in caplog.text
    assert [(record.session, record.turn) for record in caplog.records] == [("ab12", 1)]
    assert "mine" in caplog.text


def test_a_handler_that_hangs_holds_up_nobody_else_and_misses_events_in_the_end(caplog) -> None:
    got, release = [], threading.Event()

    async def main():
        events = Events()

        @_add(events, "transcript")
        async def hangs(event):
            await asyncio.Event().wait()

        @_add(events, "transcript")
        def hangs_in_a_thread(event):
            release.wait(10)

        @_add(events, "transcript")
        async def well(event):
            got.append(event.text)

        for n in range(MOST_WAITING + 5):
            events.report(SESSION, UserText(1, str(n), False))
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while len(got) < MOST_WAITING + 5:  # noqa: ASYNC110
                await asyncio.sleep(0)
        events.close()
        release.set()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert got == [str(n) for n in range(MOST_WAITING + 5)]
    assert "is too slow or hangs: it misses events" in caplog.text
    assert len(caplog.records) == 2, "once for each, not for every event"
    assert {record.handler.rpartition(".")[2] for record in caplog.records} == {"hangs", "hangs_in_a_thread"}


def test_an_event_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(VoiceAgentError, match="no event 'turns'; there are session_started, transcript, turn, tool"):
        Agent("scripted.yaml").on("turns")


def _add(events, name):
    def add(handler):
        events.add(name, handler)
        return handler

    return add
