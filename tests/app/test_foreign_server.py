"""An application that another's server runs drains on SIGTERM, before that server hears of it."""

import asyncio
import contextlib
import signal
import subprocess
import sys

import pytest
from loopback import open_server

from voiceagent.app.draining import drains_on_sigterm
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import scripted_engines
from voiceagent.testing.webrtc.caller import Caller

PROGRAM = """
import logging
from voiceagent import Agent
logging.basicConfig(level=logging.INFO)
app = Agent("scripted.yaml").asgi()
"""


@contextlib.contextmanager
def another_server():
    """Stand for a server that takes SIGTERM and Ctrl-C; yield what it has heard of."""
    heard = []

    def hear(sig, frame):
        heard.append(sig)

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    yield heard
    assert {signal.signal(number, handler) for number, handler in before.items()} == {hear}, "not given back"


def test_uvicorn_ends_when_the_application_has_drained(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "uvicorn", "program:app", "--port", "0", "--log-level", "info"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("Uvicorn running" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode in (0, -signal.SIGTERM), errors
    assert errors.index("drained") < errors.index("Shutting down") < errors.index("Application shutdown complete")
    assert "Traceback" not in errors


@contextlib.asynccontextmanager
async def draining_in_an_answer():
    """Yield a caller in the middle of an answer, while SIGTERM drains, and what the server hears of meanwhile."""
    engines = scripted_engines(llm=ScriptedLlm(lambda messages: "The fox came out of the forest, and fell asleep."))
    async with (
        open_server(engines=engines) as house,
        Caller(house.url) as caller,
    ):
        with another_server() as told:
            async with drains_on_sigterm(house.connections, 300):
                caller.send({"type": "text", "text": "tell me a story"})
                await caller.until(lambda: caller.last("agent.word"), 90, "the first word")
                signal.raise_signal(signal.SIGTERM)
                await caller.until(lambda: house.connections.draining or None, 90, "the draining to begin")
                yield caller, told


def test_an_answer_is_heard_out_before_the_server_is_told():
    async def main():
        async with draining_in_an_answer() as (caller, told):
            assert told == []
            await caller.until(lambda: caller.last("bye"), 90, "a goodbye")
            assert caller.last("agent.end").payload["outcome"] == "completed"
        assert told == [signal.SIGTERM]

    asyncio.run(main())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait_for_the_answer(second):
    async def main():
        async with draining_in_an_answer() as (caller, told):
            signal.raise_signal(second)
            await asyncio.sleep(0.1)
            assert told == [second]
        assert told == [second], "the server is told once"
        assert caller.last("bye").payload["reason"] == "hangup", "the caller's own: the drain would say restart"

    asyncio.run(main())


def test_where_nobody_takes_the_signal_it_is_left_alone():
    async def main():
        before = signal.getsignal(signal.SIGTERM)
        async with drains_on_sigterm(None, 300):
            assert signal.getsignal(signal.SIGTERM) is before

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        asyncio.run(main())
    finally:
        signal.signal(signal.SIGTERM, before)
