"""The STUN and TURN servers of this process: what clients are told of them, and what its own calls use.

Passwords are made for each client and expire (coturn's use-auth-secret, draft-uberti-behave-turn-rest-00). A server
that does not answer or refuses is left alone for a while, so that it does not delay every call.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from voiceagent.config.network import IceAddress, TurnServer, ice_address
from voiceagent.config.settings import ServerSettings

log = logging.getLogger(__name__)

REST_S = 30.0
"""A useless server is asked again after this long, by one call that waits for it."""


@dataclass(frozen=True, slots=True)
class UsableServer:
    """One address of a STUN or TURN server, and how to be let in."""

    url: str
    address: IceAddress
    username: str | None = None
    password: str | None = None

    @property
    def relays(self) -> bool:
        """Whether it is a TURN server."""
        return self.address.scheme.startswith("turn")


def minted(turn: TurnServer, name: str, now_s: float) -> tuple[str, str]:
    """Return the user name and password for one client, good until `lifetime_s` from `now_s` (of the epoch)."""
    username = f"{int(now_s) + turn.lifetime_s}:{name}"
    digest = hmac.new((turn.secret or "").encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(digest.digest()).decode()


class IceServers:
    """The servers of the settings."""

    def __init__(self, settings: ServerSettings, epoch_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._epoch_s = epoch_s
        self._resting: dict[str, float] = {}  # useless servers, and until when

    def for_client(self, name: str) -> list[dict[str, Any]]:
        """Return the servers that a client may use, as RTCIceServer dictionaries; `name` is the client's session.

        Neither the secret nor a password that is not meant for clients is among them.
        """
        told: list[dict[str, Any]] = []
        for server in self._settings.ice_servers:
            if server.credential is None:
                told.append({"urls": list(server.urls)})
            elif server.for_clients:
                told.append(
                    {"urls": list(server.urls), "username": server.username or "", "credential": server.credential}
                )
        turn = self._settings.turn
        if turn.urls:
            username, password = minted(turn, name, self._epoch_s())
            told.append({"urls": list(turn.urls), "username": username, "credential": password})
        return told

    def for_agent(self) -> list[UsableServer]:
        """Return the servers that a call of this process may use, without those that are resting."""
        now = asyncio.get_running_loop().time()
        return [server for server in self.all() if self._resting.get(server.url, 0.0) <= now]

    def all(self) -> Iterator[UsableServer]:
        """Yield every address, with passwords for this process; STUN over TLS is for browsers only."""
        for server in self._settings.ice_servers:
            for url in server.urls:
                address = ice_address(url)
                if address.scheme != "stuns":
                    yield UsableServer(url, address, server.username, server.credential)
        turn = self._settings.turn
        for url in turn.urls:
            yield UsableServer(url, ice_address(url), *minted(turn, "agent", self._epoch_s()))

    def note_useless(self, server: UsableServer, why: str) -> None:
        """Leave a server alone for a while that has not answered in time, or refuses."""
        now = asyncio.get_running_loop().time()
        if self._resting.get(server.url, 0.0) > now:
            return  # another call, or another address of this machine, has said so
        log.warning(
            "a STUN or TURN server is of no use; calls go on without it (`voiceagent doctor` tries it)",
            extra={"server": server.url, "reason": why, "for_s": REST_S},
        )
        self._resting[server.url] = now + REST_S
