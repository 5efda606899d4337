"""What `voiceagent doctor` reports of a process that lends engines."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from voiceagent.engines.finding import Finding, ok, warning
from voiceagent.engines.remote.settings import RemoteSettings

ANSWER_WITHIN_S = 0.5


def reachable(kind: str, settings: RemoteSettings) -> Iterator[Finding]:
    """Yield whether the process can be reached."""
    url = urlsplit(settings.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=ANSWER_WITHIN_S).close()
    except OSError as error:
        advice = f"start voiceagent there with the door `engines`, or set {kind}.url"
        yield warning(kind, f"{settings.url} does not answer ({error})", advice)
    else:
        yield ok(kind, f"{settings.url} is reachable")
