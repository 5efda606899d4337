"""The gate before every route: ASGI middleware that refuses what may not come in, in JSON, before any door sees it."""

import logging
from asyncio import sleep, timeout
from collections.abc import Collection
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voiceagent.doors.access.access import Access
from voiceagent.doors.access.body import in_time
from voiceagent.doors.access.credentials import take_credentials, with_subprotocol
from voiceagent.doors.access.rate import Bucket
from voiceagent.doors.errors import RequestError
from voiceagent.doors.requests import refuse

log = logging.getLogger(__name__)

MESSAGES_PER_S, MESSAGES_AT_ONCE = 500.0, 1000.0
"""What a WebSocket's client may send; beyond it the server reads more slowly. Audio comes in 50 messages a second."""
MESSAGE_BYTES = 16 * 1024
"""A larger message counts as several: 8 MB a second, after 16 MB at once."""
SECURITY = [(b"x-content-type-options", b"nosniff")]
"""What browsers are told with every answer."""
CLOSE_S = 1.0
LOGGED_PER_S, LOGGED_AT_ONCE = 1.0, 20.0
PROBES = frozenset({"/health", "/ready"})
"""What load balancers ask, by whatever name and without a token."""


class Gate:
    """Lets a request through to `app`, or refuses it.

    `public` are the paths that may be read without a token, `guarded` those whose door asks for something else.
    """

    def __init__(
        self, app: ASGIApp, access: Access, public: Collection[str] = (), guarded: Collection[str] = ()
    ) -> None:
        self._app = app
        self._access = access
        self._public = PROBES | frozenset(public)
        self._guarded = frozenset(guarded)
        self._logged = Bucket(LOGGED_PER_S, LOGGED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        offered = list(scope.get("subprotocols", []))
        given = take_credentials(scope)
        try:
            self._check(scope, given)
        except RequestError as error:
            self._log(scope, error)
            await _refuse(error, scope, receive, send)
            return
        if scope["type"] == "websocket":
            receive, send = _slowed(receive), _choosing(send, offered)
        else:
            receive, send = in_time(receive), _with_headers(send)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, given: Collection[str]) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        reads = scope.get("method") in ("GET", "HEAD")
        if reads and path in PROBES:
            return
        self._access.check_rate(scope)
        self._access.check_place(scope)
        if path not in self._guarded and not (reads and path in self._public):
            self._access.check_token(scope, path, given)

    def _log(self, scope: Scope, error: RequestError) -> None:
        if not self._logged.wait_s():
            client = scope["client"][0] if scope.get("client") else None
            log.info("request refused", extra={"reason": error.code, "path": scope["path"], "client": client})


async def _refuse(error: RequestError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the status and the reason, also where a WebSocket was asked for."""
    response = refuse(Request({**scope, "type": "http"}), error)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    await response(scope, receive, send)
    if scope["type"] == "websocket":
        await _until_closed(receive)


async def _until_closed(receive: Receive) -> None:
    """Wait for the end of a refused WebSocket: uvicorn logs an error for an application that returns earlier. It
    reports the refusal as a disconnection, and then the connection's end as another.
    """
    ended = 0
    with suppress(TimeoutError):
        async with timeout(CLOSE_S):
            while ended < 2:
                ended += (await receive())["type"] == "websocket.disconnect"


def _slowed(receive: Receive) -> Receive:
    """Read a client's messages no faster than it may send them."""
    bucket = Bucket(MESSAGES_PER_S, MESSAGES_AT_ONCE)

    async def slowed() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and (delay_s := bucket.delay_s(_cost(message))):
            await sleep(delay_s)
        return message

    return slowed


def _cost(message: Message) -> float:
    return 1 + len(message.get("text") or message.get("bytes") or "") // MESSAGE_BYTES


def _with_headers(send: Send) -> Send:
    """Add what browsers are told with every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *SECURITY]}
        await send(message)

    return with_headers


def _choosing(send: Send, offered: list[str]) -> Send:
    """Choose a subprotocol where the client offered its token in one and the door chose none."""

    async def choosing(message: Message) -> None:
        await send(with_subprotocol(message, offered))

    return choosing
