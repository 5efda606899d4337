"""The page and its signalling: a WebRTC call whose data channel carries the page's messages (docs/protocol.md)."""

from collections.abc import Collection, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from voiceagent.doors.door import Door
from voiceagent.doors.page.client import PageClient
from voiceagent.doors.requests import json_object
from voiceagent.doors.webrtc.peer import Peer

STATIC = Path(__file__).parent / "static"
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
HEADERS = {"Cache-Control": "no-cache", "Referrer-Policy": "no-referrer"}


class PageDoor(Door):
    """The built-in page."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The page, its files, and its calls."""
        return [
            Route("/", self.page),
            Route("/page/offer", self.offer, methods=["POST"]),
            Route("/page/offer", self.trickle, methods=["PATCH"]),
            Route("/page/config", self.config),
            Mount("/page", StaticFiles(directory=STATIC)),
        ]

    @property
    def public(self) -> Collection[str]:
        """The page itself, which asks for the token."""
        return ["/", *(f"/page/{file.name}" for file in STATIC.iterdir())]

    async def page(self, request: Request) -> Response:
        """Serve the page, which loads nothing from other hosts and is framed by allowed ones only."""
        policy = " ".join([POLICY, *self.context.settings.server.allow_origins])
        return FileResponse(STATIC / "index.html", headers=HEADERS | {"Content-Security-Policy": policy})

    async def offer(self, request: Request) -> Response:
        """Take a WebRTC offer and answer it; with the `pc_id` of a call, it renegotiates that call."""
        body = await json_object(request)
        offers = self.context.offers
        peer, answer = await offers.answer(body.get("sdp"), body.get("type"), self._client, peer_id=body.get("pc_id"))
        return JSONResponse({"sdp": answer, "type": "answer", "pc_id": peer.id})

    async def trickle(self, request: Request) -> Response:
        """Take ICE candidates found after the offer."""
        body = await json_object(request)
        await self.context.offers.trickle(body.get("pc_id"), body.get("candidates"))
        return JSONResponse({"status": "success"})

    async def config(self, request: Request) -> Response:
        """Return what the page needs before it connects."""
        return JSONResponse(
            {
                "name": "voiceagent",
                "ice_servers": self.context.offers.ice_servers_for_client(),
                "models": dict(self.context.host.models),
                "callers": self.context.connections.callers(),
            }
        )

    def _client(self, peer: Peer) -> PageClient:
        return PageClient(peer, self.context.host.steps.since)
