"""The routes of Pipecat's clients: signalling as SmallWebRTC does it, and a WebSocket (docs/rtvi.md)."""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from voiceagent.doors.door import Door, DoorContext
from voiceagent.doors.errors import BadRequestError, RequestError, UnavailableError, UnknownSessionError
from voiceagent.doors.requests import json_object
from voiceagent.doors.rtvi.client import RtviClient
from voiceagent.doors.rtvi.envelope import Payload, fatal
from voiceagent.doors.rtvi.functions import ClientFunctions
from voiceagent.doors.rtvi.session_config import configured, for_rtvi
from voiceagent.doors.rtvi.socket import TRY_AGAIN_LATER, RtviSocket
from voiceagent.errors import VoiceAgentError

TRANSPORT = "webrtc"
MOST_STARTED = 256
"""Sessions that were started, and may be called; the oldest are forgotten."""
MAX_START_BYTES = 64_000
"""Of what is kept for each."""

Handler = Callable[[Request], Awaitable[Response]]


class RtviDoor(Door):
    """The door `rtvi`."""

    def __init__(self, context: DoorContext) -> None:
        super().__init__(context)
        self._started: OrderedDict[str, Payload] = OrderedDict()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What Pipecat's runner serves, and its clients call."""
        offers = [
            Route(path, _answering(handler), methods=[method])
            for path in ("/api/offer", "/sessions/{session}/api/offer")
            for handler, method in ((self.offer, "POST"), (self.trickle, "PATCH"))
        ]
        return [
            Route("/start", _answering(self.start), methods=["POST"]),
            *offers,
            Route("/status", self.status),
            WebSocketRoute("/ws", self.socket),
        ]

    async def start(self, request: Request) -> Response:
        """Prepare a session, configured by `body`; the offer that calls it names its id."""
        asked = await json_object(request, MAX_START_BYTES) if _has_body(request) else {}
        if (transport := asked.get("transport") or TRANSPORT) != TRANSPORT:
            raise BadRequestError(
                "bad_transport", f"There is no transport {str(transport)[:40]!r} here; ask for {TRANSPORT}."
            )
        wanted = _wanted(asked.get("body"))
        _, ignored = configured(self.context.host.config, wanted, ClientFunctions())
        session = uuid4().hex
        self._started[session] = wanted
        while len(self._started) > MOST_STARTED:
            self._started.popitem(last=False)
        ice_servers = self.context.offers.ice_servers_for_client(session)
        answer: Payload = {"sessionId": session, "iceConfig": {"iceServers": ice_servers}}
        return JSONResponse({**answer, "ignored": ignored} if ignored else answer)

    async def offer(self, request: Request) -> Response:
        """Answer a WebRTC offer: a new call, or one that negotiates again."""
        body = await json_object(request)
        wanted = self._wanted_by(request) | _wanted(body.get("requestData", body.get("request_data")))
        if (again := await self._renegotiated(body)) is not None:
            return again
        context, functions = self.context, ClientFunctions()
        config, _ = configured(for_rtvi(context.host.config), wanted, functions)
        models, calls = dict(context.host.models), context.settings.rtvi.calls
        try:
            peer, answer = await context.offers.answer(
                body.get("sdp"),
                body.get("type"),
                lambda peer: RtviClient(peer, functions, models, calls),
                config,
                address=context.access.caller(request),
            )
        except RequestError:
            raise
        except VoiceAgentError as error:  # the models have not what was asked for, or no place
            kind = BadRequestError if wanted else UnavailableError
            raise kind("unavailable", str(error)) from error
        return JSONResponse({"sdp": answer, "type": "answer", "pc_id": peer.id})

    async def _renegotiated(self, body: Payload) -> Response | None:
        """Answer an offer of a call that goes on; None for one that is over, or new: it begins, as with Pipecat."""
        if (peer_id := body.get("pc_id")) is None:
            return None
        restart = body.get("restart_pc") is True
        with suppress(UnknownSessionError):
            answer = await self.context.offers.renegotiate(peer_id, body.get("sdp"), body.get("type"), restart=restart)
            return JSONResponse({"sdp": answer, "type": "answer", "pc_id": peer_id})
        return None

    async def trickle(self, request: Request) -> Response:
        """Take ICE candidates found after the offer."""
        self._wanted_by(request)
        body = await json_object(request)
        await self.context.offers.trickle(body.get("pc_id"), body.get("candidates"))
        return JSONResponse({"status": "success"})

    async def status(self, request: Request) -> Response:
        """Say which transports there are."""
        return JSONResponse({"status": "ready", "transports": [TRANSPORT]})

    async def socket(self, websocket: WebSocket) -> None:
        """Serve RTVI over a WebSocket."""
        context = self.context
        await websocket.accept()

        async def connect() -> RtviSocket:
            return RtviSocket(websocket, context.host, context.settings.rtvi.calls)

        try:
            connection = await context.connections.admit(connect, context.access.caller(websocket))
        except VoiceAgentError as error:
            await websocket.send_text(json.dumps(fatal(str(error))))
            await websocket.close(TRY_AGAIN_LATER)
            return
        try:
            await connection.run()
        finally:
            context.connections.left(connection)
            await connection.close("hangup")

    def _wanted_by(self, request: Request) -> Payload:
        """Return what the session in the path was started with; nothing if there is none in the path."""
        session = request.path_params.get("session")
        if session is None:
            return {}
        if session not in self._started:
            raise UnknownSessionError("unknown_session", "No such session: POST /start gives the id of a new one.")
        return self._started[session]


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _wanted(data: Any) -> Payload:
    if not isinstance(data, dict | None):
        raise BadRequestError("bad_body", 'What configures a session is an object, such as {"system_prompt": "..."}.')
    return data or {}


def _answering(handler: Handler) -> Handler:
    """Answer what is refused as Pipecat's clients read it: a status, and the words in `detail`."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except VoiceAgentError as error:
            status = error.status if isinstance(error, RequestError) else 400
            code = error.code if isinstance(error, RequestError) else "bad_request"
            wait_s = error.retry_after_s if isinstance(error, RequestError) else None
            headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
            return JSONResponse({"detail": str(error), "code": code}, status, headers)

    return answer
