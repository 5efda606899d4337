"""A server that is told to stop while its models load, at the very moment they are there."""

import asyncio
import socket

from voiceagent.app.serving import _load_and_serve
from voiceagent.trace.startup import Startup


class StoppedServer:
    """Ends, as uvicorn does: its socket is closed. Then the models are there, too."""

    draining = True
    should_exit = False

    def __init__(self):
        self.ended = asyncio.Event()

    async def serve(self, sockets):
        for listener in sockets:
            listener.close()
        self.ended.set()


class LoadingAgent:
    def __init__(self, server):
        self.server = server

    async def start(self, gpus):
        await self.server.ended.wait()


async def _stopped(listener):
    server = StoppedServer()
    await _load_and_serve(LoadingAgent(server), (), server, listener, Startup())


def test_a_server_that_was_stopped_before_its_models_were_there_says_nothing_of_being_ready(capsys):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    asyncio.run(_stopped(listener))
    assert capsys.readouterr().out == ""
