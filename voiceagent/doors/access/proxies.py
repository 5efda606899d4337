"""The addresses whose connections are other people's: reverse proxies, by default those on this machine."""

from ipaddress import ip_address, ip_network

from voiceagent.config.settings import ServerSettings

LOOPBACK = ("127.0.0.1", "::1")


class Proxies:
    """Tells the connections of proxies, which carry many clients', from those of clients."""

    def __init__(self, server: ServerSettings) -> None:
        self._networks = [ip_network(address) for address in (*LOOPBACK, *server.proxies)]

    def __contains__(self, address: str) -> bool:
        """Return whether an address is a proxy's; what is no IP address (a Unix socket) is one."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return True
        return any(parsed in network for network in self._networks)
