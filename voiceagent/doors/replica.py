"""One of several servers behind one address: its name is told with every answer, so that what follows finds it again.

A program sends the name back as the header `X-Session-Id`; a browser does it by a cookie, by itself. A proxy goes
by them (docs/scale-out.md). The ids of calls begin with the name, too (`doors/webrtc/offers.py`).
"""

from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-session-id"
COOKIE = "voiceagent_replica"
"""Of characters that nginx allows in the name of a variable."""


class Replica:
    """Adds the name to the answers of `app`, and the cookie where the client does not have it yet."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        knows = _cookie(scope) == self._name

        async def named(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                self._sign(message, cookie=not knows and message.get("status", 200) < 400)
            await send(message)

        await self._app(scope, receive, named)

    def _sign(self, message: MutableMapping[str, Any], *, cookie: bool) -> None:
        message.setdefault("headers", [])
        headers = MutableHeaders(scope=message)
        headers[HEADER] = self._name
        if cookie:
            headers.append("set-cookie", f"{COOKIE}={self._name}; Path=/; HttpOnly; SameSite=Lax")


def _cookie(scope: Scope) -> str | None:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None
