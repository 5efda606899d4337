"""A voiceagent process that lends its engines, on a thread of this one; it can be stopped and started again."""

import asyncio
import socket
import time
from threading import Thread
from typing import Any

import uvicorn

from voiceagent import Agent
from voiceagent.doors.uvicorn import server_config
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.tts.scripted.engine import ScriptedTts

STARTS_WITHIN_S = 60.0


class EngineServer:
    """Lends scripted engines whose steps take no time, or those given; `with` starts and stops it."""

    def __init__(self, asr: Any = None, tts: Any = None, **settings: Any) -> None:
        self._asr, self._tts, self._settings = asr, tts, settings
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Serve from now on, always on the same port."""
        voice = None if "tts.engine" in self._settings else self._tts or ScriptedTts(sleep=lambda seconds: None)
        self.agent = Agent(
            "scripted.yaml",
            asr=self._asr or ScriptedAsr(sleep=lambda seconds: None),
            tts=voice,
            settings={"doors": ["engines"], "server.speech_streams": 8, **self._settings},
        )
        config = server_config(self.agent.asgi(), self.agent.settings.server, host="127.0.0.1", port=self._port)
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        until = time.monotonic() + STARTS_WITHIN_S
        while not self._server.started:
            assert time.monotonic() < until, "the server does not start"
            assert self._thread.is_alive(), "the server has ended"
            time.sleep(0.01)

    def stop(self) -> None:
        """End it as a crash would: connections break."""
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(STARTS_WITHIN_S)

    def __enter__(self) -> "EngineServer":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._server.serve())
