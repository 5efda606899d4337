"""How uvicorn serves the application, and what a door serves on a port of its own."""

from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access.guard import Guard
from voiceagent.doors.access.protocols import GuardedConfig

MAX_MESSAGE_BYTES = 16 * 2**20
"""The largest WebSocket message; OpenAI's Realtime lets a client append 15 MiB at once."""
MAX_HEADER_BYTES = 32 * 1024
"""A request's headers, and the line of a chunk."""


STOP_S = 5
"""How long requests under way may take when the server stops; a client that reads nothing holds nothing up."""


def server_config(app: ASGIApp, server: ServerSettings, **further: Any) -> Config:
    """Return uvicorn's configuration, with guard, TLS and proxies as the settings say; `further` are options of
    uvicorn's.
    """
    return GuardedConfig(
        app,
        Guard(server),
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # audio does not get smaller, and compressing it blocks the event loop
        ssl_certfile=server.tls_cert,
        ssl_keyfile=server.tls_key,
        forwarded_allow_ips=["127.0.0.1", "::1", *server.proxies] if server.proxies else None,
        **{"timeout_graceful_shutdown": STOP_S, **further},
    )
