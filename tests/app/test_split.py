"""A conversation whose recogniser and voice are in a second process, which is killed and started again meanwhile."""

import asyncio
import socket
import subprocess
import sys

import pytest

from voiceagent import Agent
from voiceagent.session.reports import EngineFailed, ResponseEnded
from voiceagent.testing.live import LiveCaller

GIVE_UP_S = 60.0


class SpeechProcess:
    """`voiceagent serve --config speech.yaml` with scripted models, always on the same port."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self):
        sets = [f"server.port={self._port}", "asr.engine=scripted", "tts.engine=scripted", "vad.engine=scripted"]
        options = [word for one in sets for word in ("--set", one)]
        command = [sys.executable, "-m", "voiceagent", "serve", "--config", "speech.yaml", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def speech():
    process = SpeechProcess()
    yield process
    process.kill()


def split(speech, **settings):
    """Return an agent that holds conversations with the engines of the speech process."""
    there = {
        f"{section}.{name}": value
        for section in ("asr", "tts")
        for name, value in (
            ("engine", "remote"),
            ("url", speech.url),
            ("timeout_s", 2.0),
            ("start_s", GIVE_UP_S),
        )
    }
    return Agent("scripted.yaml", settings={**there, "session.idle_s": 0, "session.greeting": "", **settings})


async def until(caller, condition):
    """Be silent until something is so."""
    async with asyncio.timeout(GIVE_UP_S):
        while not condition():
            await caller.listens(0.1)


def completed(caller):
    return [end for end in caller.of(ResponseEnded) if end.outcome.name == "COMPLETED"]


async def asks(caller):
    """Speak, and hear the answer to its end; return what was heard of it."""
    known, before = len(completed(caller)), caller.heard
    await caller.speaks(1.4)
    await until(caller, lambda: len(completed(caller)) > known and caller.at_rest)
    return caller.heard.removeprefix(before)


@pytest.mark.thorough
@pytest.mark.realtime
def test_a_conversation_outlives_the_process_that_hears_and_speaks_for_it(speech):
    async def main():
        async with split(speech) as agent:
            caller = LiveCaller("user", agent.engines, agent.config, open_session=agent.open_session)
            caller.connects()
            assert "Hello, can you hear" in await asks(caller)
            speech.kill()
            gone = f"the process at {speech.url} cannot be reached"
            await until(caller, lambda: [gone in words for words in agent.troubles().values()] == [True, True])
            assert agent.readiness()["asr"] is False, "new callers are refused"
            await caller.speaks(1.4)
            await until(caller, lambda: caller.of(EngineFailed))
            assert {failed.engine for failed in caller.of(EngineFailed)} <= {"asr", "tts"}
            speech.start()
            await until(caller, lambda: not agent.troubles())
            await until(caller, lambda: caller.at_rest)
            assert await asks(caller), "the next turn is answered"
            caller.hangs_up()

    asyncio.run(main())
