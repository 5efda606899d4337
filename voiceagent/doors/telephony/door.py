"""The telephone door: Twilio's calls on the server's port, Asterisk's on a TCP port (docs/telephony.md)."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from voiceagent.doors.door import Door
from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.requests import body_of
from voiceagent.doors.tcp import listening
from voiceagent.doors.telephony import twiml
from voiceagent.doors.telephony.asterisk import AsteriskCall
from voiceagent.doors.telephony.parameters import FIELDS
from voiceagent.doors.telephony.signature import HEADER, is_signed
from voiceagent.doors.telephony.twilio import TwilioStream

STREAM, VOICE = "/telephony/twilio", "/telephony/twilio/voice"
NOT_SIGNED = "This request does not carry Twilio's signature for telephony.twilio_auth_token and telephony.public_url."


class TelephonyDoor(Door):
    """Calls by telephone."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What a Twilio number is pointed at, and the stream it is then connected to."""
        return [WebSocketRoute(STREAM, self.stream), Route(VOICE, self.voice, methods=["POST"])]

    @property
    def guarded(self) -> Collection[str]:
        """Twilio has no token to give, and signs its requests."""
        return () if self.context.settings.telephony.twilio_auth_token is None else (STREAM, VOICE)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen for Asterisk, unless the settings say not to."""
        settings = self.context.settings.telephony
        host, port = settings.audiosocket_host, settings.audiosocket_port
        if port is None:
            yield
            return
        self.context.access.require_guard(host, "telephony (AudioSocket)", takes_token=False)
        async with listening(self._asterisk, host, port, "telephony.audiosocket_port"):
            yield

    async def stream(self, socket: WebSocket) -> None:
        """Take a call's audio."""
        if not self._is_signed(socket, []):
            await socket.send_denial_response(PlainTextResponse(NOT_SIGNED, 403))
            return
        context = self.context
        allowed = context.settings.telephony.parameters
        await TwilioStream(socket, context.host, context.connections, allowed).serve()

    async def voice(self, request: Request) -> Response:
        """Answer a call: connect it to the stream, with the parameters of this request's query; or busy."""
        form = parse_qsl((await body_of(request)).decode("utf-8", "replace"), keep_blank_values=True)
        if not self._is_signed(request, form):
            return PlainTextResponse(NOT_SIGNED, 403)
        try:
            self.context.connections.require_room()
        except UnavailableError:
            return Response(twiml.busy(), media_type="application/xml")
        parameters = [item for item in request.query_params.multi_items() if item[0] in FIELDS]
        return Response(twiml.connect(self._stream_url(request), parameters), media_type="application/xml")

    async def _asterisk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await AsteriskCall(reader, writer, self.context.host, self.context.connections).serve()

    def _is_signed(self, request: HTTPConnection, form: Sequence[tuple[str, str]]) -> bool:
        token = self.context.settings.telephony.twilio_auth_token
        if token is None:
            return True
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{self._public(request)}{request.url.path}{query}"
        urls = [f"{scheme}://{address}" for scheme in ("https", "wss", "http", "ws")]
        return is_signed(token, request.headers.get(HEADER, ""), urls, form)

    def _stream_url(self, request: Request) -> str:
        local = request.url.hostname in ("localhost", "127.0.0.1", "::1")
        scheme = "ws" if local and self.context.settings.telephony.public_url is None else "wss"
        return f"{scheme}://{self._public(request)}{STREAM}"

    def _public(self, request: HTTPConnection) -> str:
        """Return the address of this server as Twilio knows it, without the scheme."""
        url = self.context.settings.telephony.public_url
        return url.partition("://")[2].rstrip("/") if url else request.url.netloc
