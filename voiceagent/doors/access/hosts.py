"""The names under which this server is reached.

A web page may have its own name lead to 127.0.0.1 (DNS rebinding): for the browser it is then of this server's origin.
Its requests carry that name in the Host header, and so no name is served that is not this server's. An IP address
cannot be made to lead elsewhere.
"""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

_OF_NETWORKS = (".local", ".lan", ".home.arpa", ".internal")
"""What home and company networks append to a machine's name; nobody can register a name there."""


def authority(text: str) -> tuple[str, int | None]:
    """Return host (lower case, without brackets) and port of `host[:port]`; the host is empty where it is none."""
    try:
        parts = urlsplit(f"//{text}")
        if parts.netloc != text or parts.username is not None:
            return "", None
        return (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return "", None


class Hosts:
    """This server's names: of loopback, of this machine, `server.host` and `server.hosts`, and every IP address."""

    def __init__(self, host: str, named: Sequence[str]) -> None:
        machine = socket.gethostname().lower()
        first = machine.partition(".")[0]
        self.named = frozenset(named)
        self._names = {"localhost", host.lower(), machine, first, *(first + suffix for suffix in _OF_NETWORKS), *named}
        self._suffixes = (".localhost", *(name[1:] for name in named if name.startswith("*.")))

    def __contains__(self, host: str) -> bool:
        """Return whether requests for a host, as `authority` gives it, are for this server."""
        if "*" in self.named:
            return True
        return host in self._names or host.endswith(self._suffixes) or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
