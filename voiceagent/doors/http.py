"""The HTTP side of the door: signalling, health, metrics, and the page."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import BadRequestError, RequestError, TooLargeError
from voiceagent.doors.host import Host
from voiceagent.doors.page.client import PageClient
from voiceagent.doors.webrtc.offers import Offers
from voiceagent.errors import VoiceAgentError
from voiceagent.trace.steps import occupancy

PAGE = Path(__file__).parent / "page" / "static"
MAX_BODY_BYTES = 256_000
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-cache",
}


def create_app(host: Host, settings: ServerSettings) -> Starlette:
    """Build the ASGI application."""
    connections = Connections(host)
    routes = Routes(host, connections, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await connections.close()

    table: list[Route | Mount] = [
        Route("/", routes.page),
        Mount("/page", StaticFiles(directory=PAGE)),
        Route("/api/offer", routes.offer, methods=["POST"]),
        Route("/api/offer", routes.trickle, methods=["PATCH"]),
        Route("/api/config", routes.config),
        Route("/api/sessions", routes.sessions),
        Route("/api/lanes", routes.lanes),
        Route("/health", routes.health),
        Route("/ready", routes.ready),
    ]
    if settings.metrics:
        table.append(Route("/metrics", routes.metrics))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings.allow_origins),
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["content-type"],
    )
    return Starlette(
        routes=table,
        lifespan=lifespan,
        middleware=[cors] if settings.allow_origins else [],
        exception_handlers={RequestError: _refuse, VoiceAgentError: _unavailable, HTTPException: _no_such_thing},
    )


class Routes:
    """The endpoints; each is a few lines over the connections."""

    def __init__(self, host: Host, connections: Connections, settings: ServerSettings) -> None:
        self._host = host
        self._connections = connections
        self._settings = settings
        self._offers = Offers(host, connections, settings.ice_servers, lambda peer: PageClient(peer, host.steps.since))

    async def page(self, request: Request) -> Response:
        """Serve the page, which loads nothing from other hosts."""
        return FileResponse(PAGE / "index.html", headers=PAGE_HEADERS)

    async def offer(self, request: Request) -> Response:
        """Take a WebRTC offer and answer it."""
        body = await _json_object(request)
        peer, answer = await self._offers.answer(body.get("sdp"), body.get("type"))
        return JSONResponse({"sdp": answer, "type": "answer", "pc_id": peer.id})

    async def trickle(self, request: Request) -> Response:
        """Take ICE candidates found after the offer."""
        body = await _json_object(request)
        peer = self._offers.peer(body.get("pc_id"))
        candidates = body.get("candidates")
        if not isinstance(candidates, list) or not all(isinstance(item, dict) for item in candidates):
            raise BadRequestError("bad_candidate", 'Send {"pc_id": "...", "candidates": [{"candidate": "..."}]}.')
        for item in candidates[:MAX_CANDIDATES]:
            await peer.add_candidate(item.get("candidate"), item.get("sdp_mid"), item.get("sdp_mline_index"))
        return JSONResponse({"status": "success"})

    async def config(self, request: Request) -> Response:
        """Return what the page needs before it connects."""
        ice = [server.model_dump(mode="json", exclude_none=True) for server in self._settings.ice_servers]
        return JSONResponse(
            {
                "name": "voiceagent",
                "ice_servers": ice,
                "models": dict(self._host.models),
                "callers": self._connections.callers(),
            }
        )

    async def sessions(self, request: Request) -> Response:
        """List the connected sessions."""
        return JSONResponse({"sessions": self._connections.sessions()})

    async def lanes(self, request: Request) -> Response:
        """Return the steps of the last `seconds`, and their totals by lane."""
        seconds = _seconds(request.query_params.get("seconds", "10"))
        now = asyncio.get_running_loop().time()
        steps = self._host.steps.since(now - seconds)
        busy = occupancy(steps, now - seconds, now)
        return JSONResponse({"now": now, "lanes": busy, "steps": [step.to_json() for step in steps]})

    async def health(self, request: Request) -> Response:
        """Report that the process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """Report whether every engine is warm, and which optional servers are unreachable."""
        engines = self._host.readiness()
        ready = all(engines.values())
        body = {
            "ready": ready,
            "engines": engines,
            "troubles": self._host.troubles(),
            "lost": self._host.lost(),
        }
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Render the Prometheus metrics."""
        body, content_type = self._host.metrics.render()
        return Response(body, media_type=content_type)


MAX_CANDIDATES = 64
"""ICE candidates accepted in one request; a machine has a dozen."""
MAX_LOOK_BACK_S = 60.0
"""Steps are kept by number, not by age; enough for a busy minute."""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_LOOK_BACK_S:
        raise BadRequestError("bad_seconds", f"seconds is a number up to {MAX_LOOK_BACK_S:g}, such as ?seconds=10.")
    return seconds


async def _json_object(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError("too_large", f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("bad_json", f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BadRequestError("bad_json", "The body is not a JSON object.")
    return value


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    return JSONResponse({"error": {"code": error.code, "message": str(error)}}, error.status, headers)


def _unavailable(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"code": "unavailable", "message": str(error)}}, 503)


def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}. The page is at /."
    return JSONResponse({"error": {"code": "http", "message": message}}, error.status_code, error.headers)
