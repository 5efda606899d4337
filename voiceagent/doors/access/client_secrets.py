"""Secrets that live for a short time: what a server hands to a browser in place of its token."""

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from voiceagent.doors.errors import TooFastError

MOST = 10_000
"""Living secrets at once."""
FULL_RETRY_S = 10


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One secret, without its value."""

    expires_at: float
    """In seconds since 1970."""
    attached: Any
    """What the door that made it wants to know when it is used, such as a session's configuration."""
    paths: Collection[str]
    """Where it opens: paths, or beginnings of paths that end in /."""

    def opens(self, path: str) -> bool:
        """Return whether it lets its bearer in at a path."""
        return any(path == here or (here.endswith("/") and path.startswith(here)) for here in self.paths)


class ClientSecrets:
    """The living secrets. They are found by their hash, so that no comparison tells how much of one was right."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._living: dict[bytes, ClientSecret] = {}

    def mint(self, seconds: float, attached: Any, paths: Collection[str]) -> tuple[str, float]:
        """Return a new secret and when it expires. Raises TooFastError while too many live."""
        now = self._clock()
        if len(self._living) >= MOST:
            self._living = {key: secret for key, secret in self._living.items() if secret.expires_at > now}
        if len(self._living) >= MOST:
            raise TooFastError("too_many_secrets", "Too many client secrets are alive; try again.", FULL_RETRY_S)
        value, expires_at = f"ek_{secrets.token_urlsafe(32)}", now + seconds
        self._living[_key(value)] = ClientSecret(expires_at, attached, paths)
        return value, expires_at

    def find(self, value: str) -> ClientSecret | None:
        """Return a living secret by its value; None for one that has expired or never was."""
        secret = self._living.get(_key(value))
        if secret is not None and secret.expires_at <= self._clock():
            del self._living[_key(value)]
            return None
        return secret


def _key(value: str) -> bytes:
    return sha256(value.encode("utf-8", "surrogateescape")).digest()
