"""A model that never returns does not keep the server from ending."""

import signal
import subprocess
import sys

import pytest

SERVER = """
import threading

from voiceagent.app.agent import Agent
from voiceagent.cli.main import main
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.scheduler import lane

start = Agent.start

async def greet(agent, gpus):
    await start(agent, gpus)
    agent.open_session(lambda message: None).open()

def hang(*arguments):
    print("hangs", flush=True)
    threading.Event().wait()

Agent.start = greet
ScriptedTts.{method} = hang
lane.CLOSE_WITHIN_S = 0.1
main()
"""
SETTINGS = ("server.port=0", "server.drain_s=0.1", "session.greeting=Hello.")


@pytest.mark.parametrize(("ask", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
@pytest.mark.parametrize("method", ["load", "run"])
def test_a_server_ends_when_asked_though_a_model_hangs(method, ask, status):
    set_to = (word for setting in SETTINGS for word in ("--set", setting))
    with subprocess.Popen(
        [sys.executable, "-c", SERVER.format(method=method), "serve", "--config", "scripted.yaml", *set_to],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert any("hangs" in line for line in process.stdout)
            process.send_signal(ask)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == status
    assert "lanes do not end" in errors
    assert "Traceback" not in errors
