"""The Realtime door: a WebSocket, WebRTC calls, and secrets for browsers that are to make them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from voiceagent.doors.door import Door
from voiceagent.doors.errors import BadRequestError, RequestError
from voiceagent.doors.json_text import json_of
from voiceagent.doors.realtime.beta import nested, to_beta
from voiceagent.doors.realtime.call import Call
from voiceagent.doors.realtime.client import Agent, RealtimeClient
from voiceagent.doors.realtime.configuration import first, merged, shown
from voiceagent.doors.realtime.errors import EventError, error_of
from voiceagent.doors.realtime.events.parse import validated
from voiceagent.doors.realtime.events.secrets import SecretRequest
from voiceagent.doors.realtime.events.session import Session
from voiceagent.doors.realtime.outbox import new_id
from voiceagent.doors.realtime.socket import Socket
from voiceagent.doors.requests import MAX_BODY_BYTES, body_of, json_object, refuse
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.errors import VoiceAgentError

BETA, BETA_SUBPROTOCOL, SUBPROTOCOL = "realtime=v1", "openai-beta.realtime-v1", "realtime"
CALL = "rtc_"
"""Before the id of a call."""

Model = TypeVar("Model", bound=BaseModel)


class RealtimeDoor(Door):
    """OpenAI's Realtime protocol. Any model that a client names is the agent's."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Where OpenAI has them; clients of the beta post their offers to the WebSocket's path."""
        return [
            WebSocketRoute("/v1/realtime", self.socket),
            Route("/v1/realtime", self.call, methods=["POST"]),
            Route("/v1/realtime/calls", self.call, methods=["POST"]),
            Route("/v1/realtime/calls/{call_id}/hangup", self.hang_up, methods=["POST"]),
            Route("/v1/realtime/client_secrets", self.client_secret, methods=["POST"]),
            Route("/v1/realtime/sessions", self.beta_secret, methods=["POST"]),
        ]

    async def socket(self, websocket: WebSocket) -> None:
        """Hold a conversation over a WebSocket."""
        socket = Socket(websocket, self.context.connections, self.context.settings.realtime.idle_s)

        async def connect() -> Socket:
            client = self._client(socket.send, websocket)
            socket.begin(client, self.context.host)
            return socket

        try:
            if websocket.query_params.get("call_id"):
                raise BadRequestError("unsupported_parameter", "A call has its events on its own data channel.")
            await self.context.connections.admit(connect, self.context.access.caller(websocket))
        except VoiceAgentError as error:
            await websocket.send_denial_response(refuse(Request({**websocket.scope, "type": "http"}), _refusal(error)))
            return
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await socket.talk()

    async def call(self, request: Request) -> Response:
        """Take a WebRTC offer and answer it."""
        sdp, session = await _offer(request)
        asked = None if session is None else _validated(Session, nested(session) if _is_beta(request) else session)
        peers: list[Peer] = []
        client = self._client(lambda event: peers[0].send(event), request, asked)

        def open_client(peer: Peer) -> Call:
            peers.append(peer)
            return Call(peer, client)

        try:
            address = self.context.access.caller(request)
            peer, answer = await self.context.offers.answer(sdp, "offer", open_client, client.config, address=address)
        except VoiceAgentError as error:
            raise _refusal(error) from error
        return Response(answer, 201, {"Location": f"/v1/realtime/calls/{CALL}{peer.id}"}, "application/sdp")

    async def hang_up(self, request: Request) -> Response:
        """End a call."""
        self.context.offers.peer(request.path_params["call_id"].removeprefix(CALL)).hang_up("hangup")
        return JSONResponse({})

    async def client_secret(self, request: Request) -> Response:
        """Make a secret for a browser, and with it the session that it is to have."""
        return JSONResponse(self._secret(_validated(SecretRequest, await json_object(request))))

    async def beta_secret(self, request: Request) -> Response:
        """Make one for a client of the beta: its session, which holds the secret."""
        session = nested(await json_object(request))
        after = session.pop("client_secret", None) or {}
        secret = self._secret(_validated(SecretRequest, {**after, "session": session}))
        event = to_beta({"type": "session.created", "session": secret.pop("session")})
        assert event is not None
        return JSONResponse({**event["session"], "client_secret": secret})

    def _secret(self, wanted: SecretRequest) -> dict[str, Any]:
        base = self.context.host.config
        try:
            session = shown(merged(first(base, wanted.session.model), wanted.session), base)
        except EventError as error:
            raise _refusal(error) from error
        value, expires_at = self.context.access.mint(wanted.expires_after.seconds, wanted.session)
        session = {"id": new_id("sess"), "object": "realtime.session", **session}
        return {"value": value, "expires_at": int(expires_at), "session": session}

    def _client(
        self,
        send: Callable[[str], None],
        connection: HTTPConnection,
        asked: Session | None = None,
    ) -> RealtimeClient:
        attached = self.context.access.attached(connection)
        if asked is None and isinstance(attached, Session):
            asked = attached
        host = self.context.host
        try:
            return RealtimeClient(
                send,
                Agent(host.config, host.tools),
                model=connection.query_params.get("model"),
                asked=asked,
                beta=_is_beta(connection),
            )
        except EventError as error:
            raise _refusal(error) from error


def _is_beta(connection: HTTPConnection) -> bool:
    offered = connection.scope.get("subprotocols", [])
    return connection.headers.get("openai-beta") == BETA or BETA_SUBPROTOCOL in offered


async def _offer(request: Request) -> tuple[str, dict[str, Any] | None]:
    """Return a request's SDP and session. Raises RequestError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/sdp":
        return (await body_of(request)).decode("utf-8", "replace"), None
    if kind != "multipart/form-data":
        raise BadRequestError("bad_content_type", "Send the offer as application/sdp, or as a form of sdp and session.")
    try:
        async with request.form(max_files=2, max_fields=2, max_part_size=MAX_BODY_BYTES) as form:
            sdp, session = [await _text(form.get(name)) for name in ("sdp", "session")]
    except HTTPException as error:
        raise BadRequestError("bad_form", f"The form cannot be read: {error.detail}.") from error
    if sdp is None:
        raise BadRequestError("bad_sdp", "The form has no sdp.")
    return sdp, json_of(session, "form's session") if session else {}


async def _text(field: UploadFile | str | None) -> str | None:
    if isinstance(field, UploadFile):
        return (await field.read(MAX_BODY_BYTES)).decode("utf-8", "replace")
    return field


def _validated(model: type[Model], value: object) -> Model:
    try:
        return validated(model, value)
    except EventError as error:
        raise _refusal(error) from error


def _refusal(error: VoiceAgentError) -> RequestError:
    """Return the refusal of a request: what the client asked for cannot be had, or not now."""
    if isinstance(error, RequestError):
        return error
    return BadRequestError(str(error_of(error)["code"]), str(error))
