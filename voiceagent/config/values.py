"""What a setting may be: the types that settings share, and the texts that only some settings take.

A validator returns the value, or raises ValueError with what it should be.
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")  # RFC 7064 and RFC 7065
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]+", re.IGNORECASE)  # of apps, too: capacitor://localhost
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.IGNORECASE)
MIN_TOKEN = 16
_TOKEN = re.compile(rf"[A-Za-z0-9._~-]{{{MIN_TOKEN},}}")  # unreserved in RFC 3986, and token characters in RFC 9110


def ice_url(url: str) -> str:
    """Refuse anything but the address of a STUN or TURN server."""
    if not url.startswith(_ICE_SCHEMES):
        raise ValueError(f"should begin with one of {' '.join(_ICE_SCHEMES)}")
    return url


def origin(origin: str) -> str:
    """Refuse anything but a web origin."""
    if origin != "*" and not _ORIGIN.fullmatch(origin):
        raise ValueError("should look like https://example.org (no path, no slash at the end), or be *")
    return origin.lower()


def host_name(name: str) -> str:
    """Refuse anything but the name of a host, a name with * for its first part, or *."""
    if name != "*" and not _HOST_NAME.fullmatch(name):
        raise ValueError("should be a name such as voice.example.org or *.example.org (no port, no scheme), or be *")
    return name.lower()


def secret_token(token: str) -> str:
    """Refuse a token that is easily guessed, or cannot stand in a header, a subprotocol and an address alike."""
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"should be at least {MIN_TOKEN} of the characters A-Z a-z 0-9 - . _ ~")
    return token


def network(address: str) -> str:
    """Refuse anything but an IP address or a network."""
    try:
        ip_network(address)
    except ValueError:
        raise ValueError("should be an IP address or a network such as 10.0.0.0/8") from None
    return address


def web_address(url: str) -> str:
    """Refuse anything but the address of a web server."""
    scheme, _, host = url.partition("://")
    if scheme not in ("http", "https") or not host:
        raise ValueError("should begin with http:// or https://")
    return url


def url_path(path: str) -> str:
    """Refuse anything but the path of a route."""
    if not path.startswith("/") or set(path) & set("{}?# "):
        raise ValueError("should look like /stt")
    return path


def function(place: str) -> str:
    """Refuse anything but the name of a Python function."""
    module, _, name = place.partition(":")
    if not (all(part.isidentifier() for part in module.split(".")) and name.isidentifier()):
        raise ValueError("should look like module:function")
    return place


def one_or_more(value: object) -> object:
    """Take a single text for a list of one."""
    return (value,) if isinstance(value, str) else value


def _path(value: object) -> object:
    try:
        return Path(value).expanduser() if isinstance(value, str) and value else value
    except RuntimeError as error:
        raise ValueError("names the home folder of a user who has none here") from error


Name = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Threads = Annotated[int, Field(ge=1, le=256)]
Probability = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path; `~` is the home folder, and a relative one counts from the working directory."""
