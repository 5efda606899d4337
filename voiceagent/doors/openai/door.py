"""The routes, and what they share."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from voiceagent.doors.door import Door, DoorContext
from voiceagent.doors.openai.completions import Completions
from voiceagent.doors.openai.errors import Handler, answered
from voiceagent.doors.openai.models import Models
from voiceagent.doors.openai.spoken import Speeches
from voiceagent.doors.openai.transcriptions import Transcriptions


class OpenAiDoor(Door):
    """OpenAI's HTTP endpoints (docs/openai.md)."""

    needs = frozenset()

    def __init__(self, context: DoorContext) -> None:
        super().__init__(context)
        host = context.host
        self._models = Models(host.models)
        limits = context.settings.openai
        self._transcriptions = Transcriptions(host, self._models, limits.upload_mb, limits.recording_hours * 3600)
        self._speeches = Speeches(host, self._models)
        self._completions = Completions(host, self._models)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The endpoints."""
        posts: dict[str, Handler] = {
            "/v1/audio/transcriptions": self._transcriptions.answer,
            "/v1/audio/translations": self._transcriptions.translate,
            "/v1/audio/speech": self._speeches.answer,
            "/v1/chat/completions": self._completions.answer,
        }
        return [
            Route("/v1/models", answered(self.models)),
            Route("/v1/models/{name:path}", answered(self.model)),
            *(Route(path, answered(handler), methods=["POST"]) for path, handler in posts.items()),
        ]

    async def models(self, request: Request) -> Response:
        """List the models."""
        return JSONResponse({"object": "list", "data": self._models.list()})

    async def model(self, request: Request) -> Response:
        """Describe one model."""
        return JSONResponse(self._models.describe(request.path_params["name"]))
