"""The settings of getting through to callers: STUN and TURN servers, and the addresses and ports that are offered."""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from voiceagent.config.section import Section
from voiceagent.config.values import ice_url, one_or_more

_ADDRESS = re.compile(r"(stuns?|turns?):(\[[0-9a-fA-F:.]+\]|[^:?/\[\]\s]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?")


@dataclass(frozen=True, slots=True)
class IceAddress:
    """The address of a STUN or TURN server, taken apart."""

    scheme: str
    """As written: stun, stuns, turn or turns."""
    host: str
    port: int
    transport: str
    """What carries it to the server: udp or tcp."""


def ice_address(url: str) -> IceAddress:
    """Return the parts of an address (RFC 7064, RFC 7065). Raises ValueError with what it should be."""
    match = _ADDRESS.fullmatch(ice_url(url))
    if match is None or int(match[3] or 1) not in range(1, 65_536):
        raise ValueError("should look like stun:stun.example.org:3478 or turn:turn.example.org:3478?transport=tcp")
    scheme, host, port, transport = match.groups()
    secure = scheme.endswith("s")
    return IceAddress(
        scheme, host.strip("[]"), int(port or (5349 if secure else 3478)), transport or ("tcp" if secure else "udp")
    )


def _checked_url(url: str) -> str:
    ice_address(url)
    return url


def _turn_url(url: str) -> str:
    if not ice_address(url).scheme.startswith("turn"):
        raise ValueError("should begin with turn: or turns:")
    return url


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("should be an IP address such as 203.0.113.7") from None


def _address_or_network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError("should be an IP address, or a network such as 192.168.0.0/16") from None


class IceServer(Section):
    """One STUN or TURN server, as in WebRTC's RTCIceServer."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(_checked_url)], ...],
        BeforeValidator(one_or_more),
        Field(strict=False, min_length=1),
    ]
    """One address or several, such as stun:stun.example.org:3478."""
    username: str | None = None
    """The user name at a TURN server."""
    credential: str | None = Field(default=None, repr=False)
    """The password at a TURN server; never printed."""
    for_clients: bool = False
    """Whether clients are told of a server with a password: anybody who may call can then use it, for good."""


class TurnServer(Section):
    """A TURN server that shares a secret with this one: each client gets a password of its own, which expires."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(_turn_url)], ...],
        BeforeValidator(one_or_more),
        Field(strict=False),
    ] = ()
    """One address or several of the server, such as turn:turn.example.org:3478."""
    secret: str | None = Field(default=None, repr=False)
    """What coturn calls static-auth-secret, with use-auth-secret; it never leaves this process."""
    lifetime_s: int = Field(default=3600, ge=1, le=604_800)
    """How long a password lets a client begin to use the server, in seconds."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.urls) != bool(self.secret):
            raise ValueError(f"needs urls and secret together, and {'secret' if self.urls else 'urls'} is not set")
        return self


Address = Annotated[str, AfterValidator(_address)]
AddressOrNetwork = Annotated[str, AfterValidator(_address_or_network)]
