"""What operators ask of the process: health, readiness, metrics, who is connected, and what the lanes ran."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.host import Host
from voiceagent.trace.steps import occupancy

MAX_LOOK_BACK_S = 60.0
"""Steps are kept by number, not by age; enough for a busy minute."""


class Operations:
    """The endpoints; each is a few lines over the host."""

    def __init__(self, host: Host, connections: Connections, *, metrics: bool) -> None:
        self._host = host
        self._connections = connections
        self._metrics = metrics

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The routes; /metrics only where the settings have it."""
        return [
            Route("/api/sessions", self.sessions),
            Route("/api/lanes", self.lanes),
            Route("/health", self.health),
            Route("/ready", self.ready),
            *([Route("/metrics", self.metrics)] if self._metrics else []),
        ]

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
        """Report whether every engine is warm and callers are let in, and which optional servers are unreachable."""
        engines = self._host.readiness()
        draining = self._connections.draining
        ready = all(engines.values()) and not draining
        body = {
            "ready": ready,
            "draining": draining,
            "engines": engines,
            "troubles": self._host.troubles(),
            "lost": self._host.lost(),
        }
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Render the Prometheus metrics."""
        body, content_type = self._host.metrics.render()
        return Response(body, media_type=content_type)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_LOOK_BACK_S:
        raise BadRequestError("bad_seconds", f"seconds is a number up to {MAX_LOOK_BACK_S:g}, such as ?seconds=10.")
    return seconds
