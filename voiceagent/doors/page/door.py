"""The page and its signalling: a WebRTC call whose data channel carries the page's messages (docs/protocol.md)."""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from voiceagent.doors.door import Door
from voiceagent.doors.errors import UnknownSessionError
from voiceagent.doors.page.client import PageClient
from voiceagent.doors.page.watching import lines
from voiceagent.doors.requests import json_object
from voiceagent.doors.returning import Ticket, read_claim
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.doors.webrtc.sdp import check_offer

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
            Route("/page/watch", self.watch),
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
        """Take a WebRTC offer and answer it. With the `pc_id` of a call it renegotiates that one; with `resume` it goes
        on with one that broke off."""
        body = await json_object(request)
        sdp, kind, peer_id = body.get("sdp"), body.get("type"), body.get("pc_id")
        claim = read_claim(body.get("resume"))
        check_offer(sdp, kind)  # before anybody is taken over for it
        returning = self.context.returning
        ticket = await returning.arrive(claim if peer_id is None else None)
        try:
            client = partial(self._client, ticket)
            peer, answer = await self.context.offers.answer(
                sdp, kind, client, peer_id=peer_id, past=ticket.past, address=self.context.access.caller(request)
            )
        except BaseException:
            returning.refused(ticket)
            raise
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
                "watch": self.context.watched is not None,
            }
        )

    async def watch(self, request: Request) -> Response:
        """Show the conversation at this machine's own microphone and loudspeaker, a line of JSON for each message."""
        if (watched := self.context.watched) is None:
            raise UnknownSessionError("not_here", "Nobody talks at this machine itself: `voiceagent talk --page` does.")
        body = lines(watched, watched.require_session(), self.context.host.steps.since)
        return StreamingResponse(body, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})

    def _client(self, ticket: Ticket, peer: Peer) -> PageClient:
        return PageClient(peer, self.context.host.steps.since, self.context.returning, ticket)
