"""This side's ICE connection: which candidates it offers, and how long it looks for them.

aioice waits 5 s for a silent server, asks one STUN and one TURN server, and offers every address on any port. Here all
servers are asked at once and waited for `GATHER_S` at most, and `LocalNetwork` says what is offered.
"""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, relayed_candidate, server_reflexive_candidate
from aioice.stun import Message

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.webrtc.ice_servers import IceServers, UsableServer
from voiceagent.doors.webrtc.local_network import LocalNetwork

GATHER_S = 0.5
"""How long an answer waits for STUN and TURN servers: several round trips to any that is near enough to be of use."""
OTHERS_S = 0.05
"""When every server has answered on some address of this machine, the other addresses are waited for no longer."""
RETRY_S = 10

Found = tuple[Candidate, StunProtocol | None]


class IceConnection(Connection):
    """An ICE connection that tells of each authenticated check of the caller, the signs of life of a silent one."""

    def __init__(self, on_check: Callable[[], None], network: LocalNetwork, servers: IceServers) -> None:
        super().__init__(ice_controlling=False)
        self._on_check = on_check
        self._network = network
        self._servers = servers

    def check_incoming(self, message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        """Answer a check."""
        self._on_check()
        super().check_incoming(message, addr, protocol)

    async def get_component_candidates(self, component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        """Return this side's candidates. Raises UnavailableError when there is none.

        aioice calls it, with all of the machine's addresses and its own limit.
        """
        hosts = [
            protocol for address in self._network.addresses() if (protocol := await self._open(address, component))
        ]
        self._protocols += hosts
        asked: dict[asyncio.Task[Found], UsableServer] = {}
        for server in self._servers.for_agent():
            if server.relays:
                asked[asyncio.create_task(self._relayed(server, component))] = server
                continue
            for host in hosts:
                if ip_address(host.local_candidate.host).version == 4:
                    where = (server.address.host, server.address.port)
                    asked[asyncio.create_task(server_reflexive_candidate(host, where))] = server
        found = [(host.local_candidate, None) for host in hosts] + await self._answers(asked)
        if not found:
            text = "No address or UDP port is free for this call (server.addresses, server.udp_ports)."
            raise UnavailableError("no_address", text, RETRY_S)
        self._protocols += [relay for _, relay in found if relay is not None]
        unique: dict[tuple[str, int], Candidate] = {}
        for candidate, _ in found:
            unique.setdefault((candidate.host, candidate.port), candidate)
        return list(unique.values())

    async def _open(self, address: str, component: int) -> StunProtocol | None:
        try:
            protocol = await self._network.open(address, lambda: StunProtocol(self))
        except OSError:  # an address that has just gone, or all ports taken: others may do
            return None
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        offered = self._network.offered(host)
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=offered,
            port=port,
            type="host",
        )
        return protocol

    async def _relayed(self, server: UsableServer, component: int) -> Found:
        address = server.address
        return await relayed_candidate(
            component=component,
            hide_related_address=False,
            protocol_factory=lambda: StunProtocol(self),
            turn_server=(address.host, address.port),
            turn_username=server.username,
            turn_password=server.password,
            turn_ssl=address.scheme == "turns",
            turn_transport=address.transport,
        )

    async def _answers(self, asked: dict["asyncio.Task[Found]", UsableServer]) -> list[Found]:
        """Return what the servers answer in time; those that are of no use on any address are noted."""
        if not asked:
            return []
        loop = asyncio.get_running_loop()
        until = loop.time() + GATHER_S
        pending, answered = set(asked), set[UsableServer]()
        while pending and loop.time() < until:
            done, pending = await asyncio.wait(
                pending, timeout=until - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            answered |= {asked[task] for task in done}
            if answered.issuperset(asked.values()):
                until = min(until, loop.time() + OTHERS_S)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
        useful = {task: server for task, server in asked.items() if not task.cancelled() and task.exception() is None}
        for task, server in asked.items():
            if server not in useful.values():
                why = "does not answer" if task.cancelled() else str(task.exception())
                self._servers.note_useless(server, why)
        return [task.result() for task in useful]
