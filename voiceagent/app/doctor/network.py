"""The doctor's checks of the way to callers: addresses and ports that are offered, and the STUN and TURN servers."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_address

from voiceagent.config.settings import Settings
from voiceagent.doors.webrtc.ice_servers import IceServers, UsableServer
from voiceagent.doors.webrtc.local_network import LocalNetwork
from voiceagent.doors.webrtc.server_trial import ServerTrialError, try_server
from voiceagent.engines.finding import Finding, ok, problem, warning


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """The addresses and UDP ports of callers' audio."""
    network = LocalNetwork(settings.server)
    addresses = network.addresses()
    if not addresses:
        wanted = ", ".join(settings.server.addresses) or "any"
        yield problem(
            "addresses", f"this machine has none of server.addresses ({wanted})", "name one that `ip a` shows"
        )
        return
    offered = ", ".join(dict.fromkeys(network.offered(address) for address in addresses))
    ports = settings.server.udp_ports
    if ports is None:
        yield ok("addresses", f"callers are offered {offered}, on any UDP port")
        return
    calls = ports[1] - ports[0] + 1
    text = f"callers are offered {offered}, on the UDP ports {ports[0]} to {ports[1]}"
    if calls < settings.server.max_sessions:
        most = settings.server.max_sessions
        yield warning("addresses", f"{text}: room for {calls} calls of {most}", "more ports, or a lower max_sessions")
    else:
        yield ok("addresses", text)


def check_ice_servers(settings: Settings) -> Iterator[Finding]:
    """The STUN and TURN servers, each tried as a call would use it."""
    servers = list(IceServers(settings.server).all())
    outcomes = asyncio.run(_try_all(servers))
    own = LocalNetwork(settings.server)
    for server, outcome in zip(servers, outcomes, strict=True):
        kind = "turn" if server.relays else "stun"
        if isinstance(outcome, ServerTrialError):
            yield problem(kind, f"{server.url} {outcome}", _remedy(server, settings))
        elif server.relays:
            yield ok(kind, f"{server.url} relays from {outcome}")
        elif any(ip_address(outcome) == ip_address(own.offered(address)) for address in own.addresses()):
            yield ok(kind, f"{server.url} sees this machine at {outcome}, as callers do")
        else:
            yield ok(kind, f"{server.url} sees this machine at {outcome}, through a NAT")


async def _try_all(servers: list[UsableServer]) -> list[str | ServerTrialError]:
    return await asyncio.gather(*(_outcome(server) for server in servers))


async def _outcome(server: UsableServer) -> str | ServerTrialError:
    try:
        return await try_server(server)
    except ServerTrialError as error:
        return error


def _remedy(server: UsableServer, settings: Settings) -> str:
    if server.url in settings.server.turn.urls:
        return (
            "is server.turn.secret its static-auth-secret, with use-auth-secret, are both clocks right, "
            "and does a firewall let it through?"
        )
    if server.relays:
        return "check its address, and username and credential in server.ice_servers; does a firewall let it through?"
    return "check its address in server.ice_servers; does a firewall let UDP through?"
