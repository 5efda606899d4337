"""What a setting may be: the types that settings share, and the texts that only some settings take.

A validator returns the value, or raises ValueError with what it should be.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

_ICE_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")  # RFC 7064 and RFC 7065


def ice_url(url: str) -> str:
    """Refuse anything but the address of a STUN or TURN server."""
    if not url.startswith(_ICE_SCHEMES):
        raise ValueError(f"should begin with one of {' '.join(_ICE_SCHEMES)}")
    return url


def origin(origin: str) -> str:
    """Refuse anything but a web origin."""
    scheme, _, host = origin.partition("://")
    if origin != "*" and (scheme not in ("http", "https") or not host or "/" in host):
        raise ValueError("should look like https://example.org (no path, no slash at the end), or be *")
    return origin


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
Threads = Annotated[int, Field(ge=1, le=256)]
Probability = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
FilePath = Annotated[Path, BeforeValidator(_path)]
"""A path; `~` is the home folder, and a relative one counts from the working directory."""
