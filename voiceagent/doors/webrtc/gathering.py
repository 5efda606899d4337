"""This side's ICE connection."""

from collections.abc import Callable
from typing import Any

from aioice import Connection
from aioice.ice import StunProtocol
from aioice.stun import Message


class IceConnection(Connection):
    """An ICE connection that tells of each authenticated check of the caller, the signs of life of a silent one."""

    def __init__(self, on_check: Callable[[], None], **servers: Any) -> None:
        super().__init__(ice_controlling=False, **servers)
        self._on_check = on_check

    def check_incoming(self, message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        """Answer a check."""
        self._on_check()
        super().check_incoming(message, addr, protocol)
