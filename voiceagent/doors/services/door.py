"""The services' door: their routes on the server's port, where no other door has them, and on the ports their bots use.

docs/services.md has the protocols.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from voiceagent.doors.door import Door, DoorContext
from voiceagent.doors.requests import answering
from voiceagent.doors.services import completion, raw_speech
from voiceagent.doors.services.completion import Completions
from voiceagent.doors.services.ports import serve
from voiceagent.doors.services.recognition import Recognition
from voiceagent.doors.services.synthesis import Synthesis

Endpoint = Callable[[Request], Awaitable[Response]]


class ServicesDoor(Door):
    """STT, TTS and LLM, each by itself, as far as they are here."""

    needs = frozenset()

    def __init__(self, context: DoorContext) -> None:
        super().__init__(context)
        self._host = context.host
        self._settings = context.settings.services
        self._completions = Completions(context.host)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes on the server's port, where /health and /v1/audio/speech are others'."""
        routes = {"asr": [self._stt], "tts": [self._tts], "llm": self._llm}
        return [route for kind, of_kind in routes.items() if kind in self._host.models for route in of_kind]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve each service on its own port, where the settings have one."""
        health = Route("/health", self.health)
        speech = [
            Route("/v1/audio/speech", answering(self.speech, raw_speech.refuse), methods=["POST"]),
            Route("/v1/audio/config", answering(self.config, raw_speech.refuse)),
        ]
        services: list[tuple[str, str, int | None, list[BaseRoute]]] = [
            ("asr", "stt_port", self._settings.stt_port, [self._stt, health]),
            ("tts", "tts_port", self._settings.tts_port, [self._tts, *speech, health]),
            ("llm", "llm_port", self._settings.llm_port, [*self._llm, health]),
        ]
        server, access = self.context.settings.server, self.context.access
        async with AsyncExitStack() as stack:
            stack.callback(self._completions.close)
            for kind, name, port, routes in services:
                if port is not None and kind in self._host.models:
                    await stack.enter_async_context(serve(f"services.{name}", port, routes, server, access))
            yield

    async def listen(self, socket: WebSocket) -> None:
        """Serve a client of the STT service."""
        await Recognition.serve(socket, self._host)

    async def speak(self, socket: WebSocket) -> None:
        """Serve a client of the TTS service."""
        await Synthesis.serve(socket, self._host, self._settings.tts_rate)

    async def speech(self, request: Request) -> Response:
        """Return a text's audio."""
        return await raw_speech.speech(request, self._host, self._settings.tts_rate)

    async def config(self, request: Request) -> Response:
        """Return the form of the audio."""
        return await raw_speech.config(self._host, self._settings.tts_rate)

    async def health(self, request: Request) -> Response:
        """Report whether the models are loaded."""
        loaded = all(self._host.readiness().values())
        return JSONResponse({"status": "healthy" if loaded else "loading", "model_loaded": loaded})

    @property
    def _stt(self) -> BaseRoute:
        return WebSocketRoute(self._settings.stt_path, self.listen)

    @property
    def _tts(self) -> BaseRoute:
        return WebSocketRoute("/ws/tts/stream", self.speak)

    @property
    def _llm(self) -> list[BaseRoute]:
        write = answering(self._completions.completion, completion.refuse)
        return [Route("/completion", write, methods=["POST"]), Route("/props", self._completions.props)]
