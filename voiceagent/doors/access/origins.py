"""The web pages that may call this server: its own, and those of `server.allow_origins`.

Browsers say which page a request is from. Every other client sends no Origin, and is not concerned.
"""

from collections.abc import Collection

from starlette.datastructures import Headers

from voiceagent.doors.access.hosts import Hosts, authority

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}  # the latter from apps, never from browsers
_OF_OTHER_SITES = ("cross-site", "same-site")  # Sec-Fetch-Site; another port of localhost is the same site
UNKNOWN = "another site"
"""What `foreign` returns for a page that the browser does not name."""


class Origins:
    """Tells this server's pages and allowed ones from all others."""

    def __init__(self, hosts: Hosts, allowed: Collection[str]) -> None:
        self._hosts = hosts
        self._allowed = frozenset(allowed)

    def foreign(self, method: str, headers: Headers) -> str | None:
        """Return the origin of a request from a page that may not call this server; None for all other requests.

        Without an Origin, only what a page loads by itself is recognised (images, scripts, frames' contents); a link
        that somebody follows to this server is not refused.
        """
        if "*" in self._allowed:
            return None
        if origins := headers.getlist("origin"):
            return next((origin for origin in origins if not self._may(origin, headers.get("host", ""))), None)
        follows = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        return UNKNOWN if headers.get("sec-fetch-site") in _OF_OTHER_SITES and not follows else None

    def _may(self, origin: str, host_header: str) -> bool:
        if origin.lower() in self._allowed:
            return True
        scheme, _, place = origin.partition("://")
        default = _DEFAULT_PORTS.get(scheme)
        host, port = authority(place)
        if default is None or not host:  # "null" (a sandboxed frame, a local file), or an app's own scheme
            return False
        here, here_port = authority(host_header)
        if (host, port or default) == (here, here_port or default):
            return True
        return host in self._hosts.named and port in (None, default)  # a proxy that puts another Host in its place
