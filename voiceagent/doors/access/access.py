"""Who may come in: the rules, and the secrets. It knows no route; `Gate` asks it for every request."""

import hmac
import time
from collections.abc import Callable, Collection
from math import ceil
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from voiceagent.config.guard import is_loopback, read_token
from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access.client_secrets import ClientSecret, ClientSecrets
from voiceagent.doors.access.hosts import Hosts, authority
from voiceagent.doors.access.origins import Origins
from voiceagent.doors.access.proxies import Proxies
from voiceagent.doors.access.rate import Rates
from voiceagent.doors.errors import ForbiddenError, TooFastError, UnauthorizedError
from voiceagent.errors import VoiceAgentError

BURST_S = 10.0
"""An address may send at once what it may send in this time."""
REALTIME = ("/v1/realtime", "/v1/realtime/calls", "/v1/realtime/calls/")
"""Where a client secret opens unless its door says otherwise: conversations, and not what makes further secrets."""
_SECRET = "voiceagent.secret"
_HOW = "Give it as `Authorization: Bearer TOKEN`, WebSocket subprotocol `voiceagent-token.TOKEN`, or ?token=TOKEN."


class Access:
    """The rules of one server, for all of its doors. Raises VoiceAgentError for a token file that cannot be read."""

    def __init__(self, server: ServerSettings, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._token = read_token(server)
        self._hosts = Hosts(server.host, server.hosts)
        self._origins = Origins(self._hosts, server.allow_origins)
        self._secrets = ClientSecrets(clock)
        self._proxies = Proxies(server)
        self._rates = Rates(server.request_rate, server.request_rate * BURST_S) if server.request_rate else None

    # What doors ask

    @property
    def needs_token(self) -> bool:
        """Whether a client must give a token."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """Return whether this is the server's token, for doors whose clients give it in a message of their own."""
        wanted = self._token
        return wanted is not None and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())

    def caller(self, connection: HTTPConnection) -> str | None:
        """Return the address of a client; None for one that is not told from others: on this machine, or a proxy's."""
        address = connection.client.host if connection.client is not None else ""
        return None if address in self._proxies else address

    def mint(self, seconds: float, attached: Any = None, *, paths: Collection[str] = REALTIME) -> tuple[str, float]:
        """Return a secret that lets its bearer in at `paths`, and when it expires, in seconds since 1970.

        The method `attached` returns `attached` for a request with it. Raises TooFastError while too many are alive.
        """
        return self._secrets.mint(seconds, attached, paths)

    def attached(self, connection: HTTPConnection) -> Any:
        """Return what was attached to the client secret that a request came with; None where it came without one."""
        secret: ClientSecret | None = connection.scope.get(_SECRET)
        return secret.attached if secret is not None else None

    def require_guard(self, host: str, door: str, *, takes_token: bool) -> None:
        """Raise VoiceAgentError where a door's own listener, at `host`, would let in everybody who reaches it.

        `takes_token`: its clients can give a token, and the door asks for it.
        """
        if is_loopback(host) or self._server.open or (takes_token and self.needs_token):
            return
        token = "give the server a token (VOICEAGENT_TOKEN), or " if takes_token else "its clients can give no token: "
        raise VoiceAgentError(
            f"The door {door} would listen on {host}, where everybody who reaches it could use it; {token}"
            "let it listen on 127.0.0.1, or allow this by --set server.open=true (docs/security.md)."
        )

    # What the gate asks

    def check_place(self, scope: Scope) -> None:
        """Raise ForbiddenError for a request to another host or from another site's page."""
        headers = Headers(scope=scope)
        for header in headers.getlist("host"):
            host = authority(header)[0]
            if host not in self._hosts:
                raise ForbiddenError(
                    "unknown_host",
                    f"This server does not know itself as {host or 'that host'}. If it is reached by this name, say so"
                    f" where it is started: --set 'server.hosts=[{host or 'NAME'}]'.",
                )
        if origin := self._origins.foreign(scope.get("method", "GET"), headers):
            named = origin if "://" in origin else "ITS ORIGIN"  # null: a local file's, or a sandboxed frame's
            raise ForbiddenError(
                "foreign_origin",
                f"A web page of {origin} may not use this server. To allow pages of an origin: --set"
                f" 'server.allow_origins=[{named}]'. Behind a proxy, let the proxy pass the Host header on.",
            )

    def check_rate(self, scope: Scope) -> None:
        """Raise TooFastError for an address that sends too many requests."""
        address = scope["client"][0] if scope.get("client") else ""
        wait_s = self._rates.wait_s(address) if self._rates is not None else 0.0
        if wait_s:
            raise TooFastError("too_many_requests", "Too many requests from your address.", ceil(wait_s))

    def check_token(self, scope: Scope, path: str, given: Collection[str]) -> None:
        """Raise UnauthorizedError, or ForbiddenError where the server has no token and should; note a client secret."""
        secret = next((found for token in given if (found := self._secrets.find(token))), None)
        if secret is not None and secret.opens(path):
            scope[_SECRET] = secret
            return
        if self._token is None:
            self._require_open(scope)
        elif secret is not None:
            raise UnauthorizedError("wrong_token", f"A client secret does not open {path}. {_HOW}")
        elif not any(self.is_token(token) for token in given):
            what = "The token is wrong or has expired." if given else "This server needs a token."
            raise UnauthorizedError("wrong_token" if given else "no_token", f"{what} {_HOW}")

    def _require_open(self, scope: Scope) -> None:
        """A program that mounts the application may listen where `server.host` does not say."""
        server = scope.get("server")
        host = server[0] if server and server[1] is not None else "localhost"  # a Unix socket has no port
        if not (self._server.open or is_loopback(host)):
            raise ForbiddenError(
                "no_token_set",
                "This server is reached from other machines and has no token. Where it is started, set VOICEAGENT_TOKEN"
                " or server.open=true (docs/security.md).",
            )
