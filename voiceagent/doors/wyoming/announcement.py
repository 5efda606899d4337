"""The announcement by mDNS, by which Home Assistant finds a Wyoming server on the same network."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo

SERVICE = "_wyoming._tcp.local."
_MDNS = ("224.0.0.251", 5353)


@asynccontextmanager
async def announced(host: str, port: int) -> AsyncIterator[None]:
    """Announce the server while inside. Raises VoiceAgentError where zeroconf is not installed."""
    try:
        from zeroconf.asyncio import AsyncZeroconf
    except ImportError as error:
        raise VoiceAgentError(
            "wyoming.announce needs the package zeroconf: pip install 'voiceagent[zeroconf]'."
        ) from error
    info = service(host, port)
    mdns = AsyncZeroconf(interfaces=info.parsed_addresses())
    try:
        await (await mdns.async_register_service(info, allow_name_change=True))
        yield
    finally:
        await mdns.async_unregister_all_services()
        await mdns.async_close()


def service(host: str, port: int) -> "AsyncServiceInfo":
    """Return what is announced: the address that other machines reach, and the port."""
    from zeroconf.asyncio import AsyncServiceInfo

    name = socket.gethostname().partition(".")[0]
    return AsyncServiceInfo(SERVICE, f"voiceagent on {name}.{SERVICE}", parsed_addresses=[_reached_at(host)], port=port)


def _reached_at(host: str) -> str:
    """Return the address of a name; of any address (0.0.0.0), that of the interface to the network around."""
    if host != "0.0.0.0":
        return socket.gethostbyname(host)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_MDNS)  # sends nothing
        except OSError as error:
            raise VoiceAgentError(f"wyoming.announce: there is no network to announce on ({error}).") from error
        return str(probe.getsockname()[0])
