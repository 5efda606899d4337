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


@pytest.fixture
def told():
    """Stand for a server that takes SIGTERM and Ctrl-C; return what it has heard of."""
    heard = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda sig, frame: heard.append(sig)) for number in numbers]
    yield heard
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


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
    """Yield who serves, and a caller in the middle of an answer, while SIGTERM has begun to drain; leave when told."""
    engines = scripted_engines(llm=ScriptedLlm(lambda messages: "The fox came out of the forest, and fell asleep."))
    async with open_server(engines=engines) as house, Caller(house.url) as caller:
        async with drains_on_sigterm(house.connections, 300):
            caller.send({"type": "text", "text": "tell me a story"})
            await caller.until(lambda: caller.last("agent.word"), 90, "the first word")
            signal.raise_signal(signal.SIGTERM)
            await caller.until(lambda: house.connections.draining, 90, "the draining to begin")
            yield caller


def test_an_answer_is_heard_out_before_the_server_is_told(told):
    async def main():
        async with draining_in_an_answer() as caller:
            assert told == []
            await caller.until(lambda: caller.last("bye"), 90, "a goodbye")
            assert caller.last("agent.end").payload["outcome"] == "completed"
        assert told == [signal.SIGTERM]
        signal.raise_signal(signal.SIGTERM)
        assert told == [signal.SIGTERM] * 2, "the handler is the server's own again"

    asyncio.run(main())


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait_for_the_answer(told, second):
    async def main():
        async with draining_in_an_answer() as caller:
            signal.raise_signal(second)
            await asyncio.sleep(0.1)
            assert told == [second]
        assert told == [second], "the server is told once"
        assert caller.last("bye") is None

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
