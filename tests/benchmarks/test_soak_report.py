"""The soak: what it injects, and what it makes of what was measured."""

import asyncio
import json
import random
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from benchmarks import soak, soak_server, soak_tools
from benchmarks.form import REPOSITORY
from benchmarks.one_caller import stray_words
from benchmarks.soak_tools import TOOLS
from voiceagent.engines.llm.contract import Token, ToolCalls
from voiceagent.session.engines import Engines
from voiceagent.testing import Callers, run_virtual
from voiceagent.testing.webrtc.line import Received


def take(at, rss_mb=100.0, fds=10, threads=8, tasks=5):
    return {"at": at, "rss_mb": rss_mb, "fds": fds, "threads": threads, "tasks": tasks, "callers": 0}


def asked(at, understood="why is the sky blue", words=5, outcome="completed"):
    return {"sent_at": at, "v2v_ms": 500.0, "outcome": outcome, "understood": understood, "errors": 0, "words": words}


def samples(takes=(), faults=(), questions=()):
    return {"takes": list(takes), "faults": list(faults), "vanished": [], "questions": list(questions), "errors": []}


def test_the_slope_is_what_is_grown_by_in_an_hour_whatever_shakes():
    fate = random.Random(1)
    steady = [take(at, 500 + fate.uniform(-1, 1)) for at in range(0, 7200, 5)]
    growing = [take(at, 500 + at * 3 / 3600 + fate.uniform(-1, 1)) for at in range(0, 7200, 5)]
    assert soak.slope(steady, "rss_mb") == pytest.approx(0, abs=0.2)
    assert soak.slope(growing, "rss_mb") == pytest.approx(3, abs=0.2)
    assert soak.slope(steady[:2], "rss_mb") is None
    crowded = [take(at, fds=10 + 3 * (callers := at // 1800)) | {"callers": callers} for at in range(0, 7200, 5)]
    assert soak.slope(crowded, "fds") == pytest.approx(0, abs=0.01), "callers have come, and nothing is left behind"


def test_the_warming_up_is_left_out_and_what_is_left_at_the_end_is_compared_with_the_beginning():
    warming = [take(at, 100 + at) for at in range(0, 600, 5)]
    during = [take(at, 700, fds=30) for at in range(600, 3600, 5)]
    summary = soak.summarise(samples([take(-5), *warming, *during, take(3630, tasks=7, fds=10)]), 0, 3600)
    assert summary["rss_slope_mb_per_h"] == 0
    assert summary["fds_slope_per_h"] == 0
    assert (summary["leaked_tasks"], summary["leaked_fds"], summary["leaked_threads"]) == (2, 0, 0)


def test_words_that_nobody_understood_are_lost_unless_a_fault_struck_near_them():
    faults = [{"fault": "asr raise", "at": 100, "lasts_s": 0}, {"fault": "llm hang", "at": 200, "lasts_s": 8}]
    questions = [
        asked(50),
        asked(99, "", 4, None),
        asked(105, "", 4, None),
        asked(220, "", 4, None),
        asked(300, "", 7, None),
    ]
    summary = soak.summarise(samples([take(0)], faults, questions), 0, 600)
    assert (summary["questions"], summary["questions_calm"]) == (5, 2)
    assert (summary["lost_words"], summary["unanswered_calm"]) == (7, 1)


def test_a_word_of_a_response_after_the_next_one_has_begun_is_a_stray():
    told = (("segment", 1), ("word", 1), ("segment", 2), ("word", 1), ("word", 2))
    messages = [Received(0.0, {"type": f"agent.{kind}", "generation": number}) for kind, number in told]
    assert stray_words(messages) == 1


def test_what_the_server_tells_is_found_among_the_lines_of_its_log():
    output = f'engine ready\n{soak_server.MARK}{{"fault": "asr raise"}}}}\nTraceback\n'
    assert list(soak.lines_of(output)) == [{"fault": "asr raise"}]


class Stream:
    """A language model's, whose events are sent by hand."""

    def __init__(self, on_event):
        self.on_event = on_event
        self.cancelled = 0

    def cancel(self, generation):
        self.cancelled += 1


def test_a_reply_that_becomes_a_call_of_a_tool_that_fails_is_answered_like_any(monkeypatch):
    """Through the real session: each of the soak's tools is called, fails, and the model speaks of it."""
    monkeypatch.setattr(soak_tools, "FLOOD_CHARS", 20_000)
    called = []

    def reply(messages):
        asked, number = messages[-1], len(messages)
        return f"I am sorry, {number}." if asked.role == "tool" else f"Of {asked.content} I know {number}."

    async def main():
        calling = soak_tools.Calling(called.append)
        sets = ["session.greeting=''", "session.idle_s=0"]
        with Callers("scripted.yaml", sets, tools=soak_tools.TOOLS, llm=reply) as callers:
            vars(callers.engines.llm)["open"] = calling.opening(callers.engines.llm.open)
            caller = callers.call()
            for tool, what in zip(soak_tools.TOOLS, ("sea", "land", "sky"), strict=True):
                calling.armed = tool.__name__
                await caller.says(f"tell me about the {what}")
            assert [use.name for trace in caller.turns for use in trace.tools] == called
            assert [trace.outcome for trace in caller.turns] == ["completed"] * 3
            caller.hangs_up()

    run_virtual(main())
    assert called == ["raises", "hangs", "floods"]


@pytest.mark.parametrize("seed", [3, 4])
def test_the_same_seed_breaks_the_same_things_and_in_the_end_all(monkeypatch, seed):
    monkeypatch.setattr(soak_server, "HANG_S", 0.0)
    monkeypatch.setattr(time, "time", time.time)  # it is given back at the end
    told = []

    async def main():
        engines = [
            SimpleNamespace(lane=lane, run=lambda batch: "done", open=Stream)
            for lane in ("asr", "llm", "tts", "vad", "turn")
        ]
        agent = SimpleNamespace(engines=Engines(*engines))
        faults = soak_server.Faults(agent, seed, 10, lambda **words: told[-1].append(words["fault"]))
        striking = asyncio.create_task(faults.strike())
        replied = []
        stream = agent.engines.llm.open(replied.append)
        for _ in range(200):
            await asyncio.sleep(10)
            stream.on_event(Token(1, "Hello"))
            for engine in engines:
                with suppress(soak_server.SoakError):
                    assert engine.run(()) == "done"
        striking.cancel()
        calls = [event for event in replied if isinstance(event, ToolCalls)]
        assert len(calls) == stream.cancelled == sum(fault.startswith("tool") for fault in told[-1])
        assert {one.name for event in calls for one in event.calls} <= {tool.__name__ for tool in TOOLS}
        assert len(replied) == 200 + len(calls), "a call is a reply that is complete; all others come as they are"

    for _ in range(2):
        told.append([])
        run_virtual(main())
    assert told[0] == told[1]
    raised = {f"{lane} raise" for lane in ("asr", "llm", "tts", "vad", "turn")}
    assert {*raised, "clock jump", "tool raises", "tool hangs", "tool floods"} <= set(told[0])
    assert any("hang" in fault for fault in told[0])


@pytest.mark.thorough
@pytest.mark.realtime
@pytest.mark.models
def test_half_a_minute_of_it_with_real_callers_leaves_nothing_behind(tmp_path):
    report = tmp_path / "soak.json"
    options = ["--quick", "--callers", "2", "--every", "5", "--json", str(report)]
    subprocess.run([sys.executable, "-m", "benchmarks.soak", *options], cwd=REPOSITORY, check=True, timeout=300)
    summary = json.loads(report.read_text())["summary"]
    assert summary["questions"] >= 1
    assert summary["faults"] >= 2
    assert (summary["leaked_tasks"], summary["stray_words"]) == (0, 0)
