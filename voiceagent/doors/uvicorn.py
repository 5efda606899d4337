"""How uvicorn serves the application, and what a door serves on a port of its own."""

from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config

from voiceagent.config.settings import ServerSettings

MAX_MESSAGE_BYTES = 16 * 2**20
"""The largest WebSocket message; OpenAI's Realtime lets a client append 15 MiB at once."""


def server_config(app: ASGIApp, server: ServerSettings, **further: Any) -> Config:
    """Return uvicorn's configuration, with TLS and proxies as the settings say; `further` are options of uvicorn's."""
    return Config(
        app,
        log_config=None,
        access_log=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # audio does not get smaller, and compressing it blocks the event loop
        ssl_certfile=server.tls_cert,
        ssl_keyfile=server.tls_key,
        forwarded_allow_ips=["127.0.0.1", "::1", *server.proxies] if server.proxies else None,
        **further,
    )
