"""This machine's side of the network: its addresses that callers are offered, and the UDP ports of their audio."""

import asyncio
import random
import socket
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from aioice.ice import StunProtocol, get_host_addresses
from aioice.turn import UDP_SOCKET_BUFFER_SIZE

from voiceagent.config.settings import ServerSettings

_LOOPBACK = ("127.0.0.1", "::1")


class LocalNetwork:
    """Opens the sockets of calls, and says under which address callers find them."""

    def __init__(self, settings: ServerSettings) -> None:
        self._wanted = [ip_network(wanted) for wanted in settings.addresses]
        self._public = None if settings.public_address is None else ip_address(settings.public_address)
        first, last = settings.udp_ports or (0, 0)
        self._ports = range(first, last + 1)

    def addresses(self) -> list[str]:
        """Return this machine's addresses that callers are offered; 127.0.0.1 only if it is wanted by name."""
        there = dict.fromkeys(get_host_addresses(use_ipv4=True, use_ipv6=True))
        if not self._wanted:
            return list(there)
        wanted = [*there, *_LOOPBACK]
        return [address for address in wanted if any(ip_address(address) in network for network in self._wanted)]

    def offered(self, address: str) -> str:
        """Return what callers are told instead of an address: the public one of the same kind, if there is one."""
        if self._public is None or ip_address(address).version != self._public.version:
            return address
        return str(self._public)

    async def open(self, address: str, make_protocol: Callable[[], StunProtocol]) -> StunProtocol:
        """Bind a UDP socket to an address. Raises OSError when no port is free."""
        loop = asyncio.get_running_loop()
        error: OSError | None = None
        for port in random.sample(self._ports, len(self._ports)):
            try:
                transport, protocol = await loop.create_datagram_endpoint(make_protocol, local_addr=(address, port))
            except OSError as refused:
                error = refused
                continue
            connected: Any = transport.get_extra_info("socket")
            if connected is not None:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_SOCKET_BUFFER_SIZE)
            return protocol
        raise error or OSError("server.udp_ports holds no port")
