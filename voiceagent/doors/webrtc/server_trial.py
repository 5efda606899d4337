"""Tries a STUN or TURN server as a call would use it, and says what is wrong with it."""

import asyncio
import socket
import ssl
from typing import Any

from aioice import Candidate
from aioice.ice import StunProtocol, server_reflexive_candidate
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

from voiceagent.doors.webrtc.ice_servers import UsableServer
from voiceagent.errors import VoiceAgentError

PATIENCE_S = 2.0
"""Four times what a call waits: a server that is slower is silent."""
UNAUTHORIZED = 401


class ServerTrialError(VoiceAgentError):
    """The server is of no use; the message says why."""


async def try_server(server: UsableServer) -> str:
    """Return the address that a STUN server sees this machine at, or that a TURN server relays from.

    Raises ServerTrialError.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await (_relayed(server) if server.relays else _reflected(server))
    except TimeoutError:
        raise ServerTrialError(f"does not answer within {PATIENCE_S:g} s") from None
    except TransactionFailed as error:
        if error.response.error_code == UNAUTHORIZED:
            raise ServerTrialError("refuses the user name and password") from error
        raise ServerTrialError(f"refuses: {error}") from error
    except socket.gaierror as error:
        raise ServerTrialError(f"has a name that is not known here ({error.strerror})") from error
    except ssl.SSLError as error:
        raise ServerTrialError(f"has no certificate that is trusted here ({error.reason})") from error
    except OSError as error:
        raise ServerTrialError(f"cannot be reached ({error.strerror or error})") from error


async def _relayed(server: UsableServer) -> str:
    where = server.address
    transport: Any
    transport, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol,
        (where.host, where.port),
        server.username,
        server.password,
        ssl=where.scheme == "turns",
        transport=where.transport,
    )
    host, port = transport.get_extra_info("sockname")
    transport.close()  # a task deletes the allocation, and ends with the loop if it must
    return f"{host}:{port}"


async def _reflected(server: UsableServer) -> str:
    receiver: Any = _Nobody()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: StunProtocol(receiver), local_addr=("0.0.0.0", 0))
    protocol.local_candidate = Candidate("", 1, "udp", 0, "0.0.0.0", 9, "host")
    try:
        candidate, _ = await server_reflexive_candidate(protocol, (server.address.host, server.address.port))
    finally:
        transport.close()
    return candidate.host


class _Nobody:
    """Receives nothing for a connection that is none."""

    def protocol_lost(self, protocol: StunProtocol) -> None:
        """Do nothing."""
