"""Every line that concerns a session names it, and the turn: through a conversation in which everything goes wrong."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from voiceagent import Agent
from voiceagent.app.engines import lanes_of
from voiceagent.scheduler.lane import ThreadLane
from voiceagent.testing import Callers, run_virtual
from voiceagent.tools import tool
from voiceagent.trace.about import AboutFilter, about, about_nobody, about_the_same
from voiceagent.trace.log import configure

mine = logging.getLogger("voiceagent.application")
"""An application's own: what it logs in a tool or a handler is about the caller, too."""


LANES = ("vad", "asr", "turn", "llm", "tts")
EVERYTHING = (
    "this will not do",
    "engine failed",
    "cannot carry out Respond",
    "session failed: the context is full",
    "the recording ends here",
    "tool failed: no forecast",
    "asked for Oslo",
    "a handler of turn events failed",
    "user said",
    "agent said",
)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, ours, words = (logging.getLogger(name) for name in (None, "voiceagent", "voiceagent.conversation"))
    before = list(root.handlers), ours.level, words.disabled
    yield
    root.handlers, words.disabled = before[0], before[2]
    ours.setLevel(before[1])


class FailingRecorder:
    """A recorder whose disk is full from the first sample on."""

    def user(self, pcm, at):
        raise OSError("no space left")

    agent = user

    def close(self):
        """Nothing to close."""


@tool
async def weather(city: str) -> str:
    """Look up the weather."""
    mine.info("asked for %s", city)
    await asyncio.sleep(0.1)
    raise RuntimeError("no forecast")


def an_agent():
    agent = Agent(
        "scripted.yaml", settings={"session.greeting": "Hello.", "session.idle_s": 0, "turn.engine": "smart_turn"}
    )

    @agent.on("turn")
    async def handler(event):
        mine.info("this turn called a tool" if event.trace.tools else "a turn is over")
        raise ValueError("the database is away")

    return agent


class Saboteur:
    """Has the next step of a lane fail, once for each lane that is named, and log as an engine does."""

    def __init__(self, callers):
        self.next = set()
        self.shared = 0
        for lane, engine in lanes_of(callers.engines).items():
            engine.run = self._wrapped(lane, engine.run)

    def _wrapped(self, lane, run):
        def step(batch):
            if lane in self.next:
                self.next.discard(lane)
                self.shared += len(batch.streams) > 1
                logging.getLogger(f"voiceagent.engines.{lane}").warning("this will not do")
                raise ValueError(f"{lane}: shapes differ")
            return run(batch)

        return step


async def talk(callers):
    """Two at once: a turn, and then each lane fails for them; one calls a tool that fails, and one's line breaks."""
    sabotage = Saboteur(callers)
    anna, bert = callers.call("anna"), callers.call("bert")
    anna.session.listen_in(FailingRecorder())

    async def one(caller, city):
        await caller.says("tell me about the sea")
        for lane in LANES:
            sabotage.next.add(lane)
            await caller.says("and what about the land")
        await caller.says(f"weather in {city}")
        caller.session._llm.generate = refuse
        await caller.says("good bye")
        caller.hangs_up()

    await asyncio.gather(one(anna, "Rome"), one(bert, "Oslo"))
    assert not sabotage.next
    await asyncio.sleep(1)
    return {"anna": anna, "bert": bert}, sabotage.shared


def refuse(*args, **kwargs):
    raise RuntimeError("the context is full")


def logged_json(text):
    return [json.loads(line) for line in text.splitlines()]


def logged_text(text):
    """Parse text lines, without the tracebacks that follow some."""
    heads = [line for line in text.splitlines() if re.match(r"\d{4}-\d\d-\d\dT\S+Z ", line)]
    return [dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line)) | {"line": line} for line in heads]


def log_of(format, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure("DEBUG", format, log_text=True)

    async def main():
        agent = an_agent()

        def reply(messages):
            asked = messages[-1]
            if asked.role == "tool":
                return "I could not find out."
            if "weather" in asked.content:
                city = asked.content.split()[-1]
                return f"<tool_call>\n<function=weather>\n<parameter=city>\n{city}\n</parameter></function></tool_call>"
            return "It is deep. It is full of fish."

        with Callers(agent, tools=[weather], llm=reply) as callers:
            known[:] = await talk(callers)

    known = []
    run_virtual(main())
    text = stream.getvalue()
    return (logged_json(text) if format == "json" else logged_text(text)), *known


@pytest.mark.parametrize("format", ["text", "json"])
def test_every_line_of_a_conversation_in_which_everything_fails_names_its_session_and_turn(format, monkeypatch):
    lines, callers, shared = log_of(format, monkeypatch)
    for line in lines:
        if "sessions" in line:
            assert line["sessions"] == "anna,bert", line
        else:
            assert line.get("session") in callers, line
            assert int(line["turn"]) >= 0, line
    assert sum("sessions" in line for line in lines) == 2 * shared
    said = "\n".join(line["line"] if format == "text" else line["message"] for line in lines)
    for what in (*(f"{lane} failed: {lane}: shapes differ" for lane in LANES), *EVERYTHING):
        assert what in said, what


@pytest.mark.parametrize("of", ["asked for", "tool failed", "this turn called a tool"])
def test_what_a_tool_and_a_handler_log_is_of_the_turn_that_called_it(of, monkeypatch):
    lines, callers, _ = log_of("json", monkeypatch)
    for name, caller in callers.items():
        called = [trace.turn for trace in caller.turns if trace.tools]
        assert len(called) == 1
        told = [line["turn"] for line in lines if line["message"].startswith(of) and line["session"] == name]
        assert told == called


def test_the_thread_of_a_lane_and_all_that_a_task_begins_know_whom_they_work_for():
    seen = []
    filter = AboutFilter()

    def note(**extra):
        record = logging.makeLogRecord(extra)
        assert filter.filter(record)
        seen.append((getattr(record, "session", None), getattr(record, "turn", None)))

    async def main():
        now = {"session": "ab12", "turn": 1}
        lane, loop, done = ThreadLane("x"), asyncio.get_running_loop(), asyncio.Event()
        engine = type("Engine", (), {"run": lambda self, batch: note()})()
        with about(lambda: now):
            lane.start(engine, None, lambda *results: (note(), done.set()))
            await done.wait()
            for context in (None, about_the_same(), about_nobody()):
                loop.call_soon(note, context=context)
            loop.call_soon(lambda: note(session="cd34"))
            now = {"session": "ab12", "turn": 2}
            await asyncio.sleep(0)
        note()
        lane.close()

    asyncio.run(main())
    assert seen == [("ab12", 1), (None, None), ("ab12", 2), ("ab12", 1), (None, None), ("cd34", None), (None, None)]
