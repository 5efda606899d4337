"""Offers whose callers have not come: each holds a place, for which nobody may wait long."""

from dataclasses import dataclass

from voiceagent.doors.errors import TooFastError
from voiceagent.doors.webrtc.peer import Peer

WAIT_S = 2.0
"""A caller of whom no ICE check has come for this long gives the place to one who asks for it. Checks come as soon as a
caller has the answer."""
CONNECT_S = 15.0
"""One who sends checks and does not connect in this time gives it up as well."""
RETRY_S = 2


@dataclass(frozen=True, slots=True)
class _Awaited:
    peer: Peer
    address: str | None


class NoShows:
    """The callers who are answered and not connected. `each` is the most of one address."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._awaited: list[_Awaited] = []
        self._answering: list[str | None] = []

    def begin(self, address: str | None) -> None:
        """An offer of an address is about to be answered. Raises TooFastError where too many are; None has no limit."""
        self._forget_those_who_came()
        here = [one.address for one in self._awaited].count(address) + self._answering.count(address)
        if address is not None and here >= self._each:
            words = f"{here} calls from your address are being set up; complete or leave them first."
            raise TooFastError("too_many_offers", words, RETRY_S)
        self._answering.append(address)

    def end(self, address: str | None, peer: Peer | None) -> None:
        """The offer has been answered, for a peer who is now awaited, or could not be."""
        self._answering.remove(address)
        if peer is not None:
            self._awaited.append(_Awaited(peer, address))

    async def make_room(self) -> bool:
        """End the call of a caller who does not come, the one awaited longest; return whether there was one."""
        self._forget_those_who_came()
        late = [one for one in self._awaited if (one.peer.awaited_s or 0.0) >= WAIT_S or one.peer.age_s >= CONNECT_S]
        if not late:
            return False
        longest = max(late, key=lambda one: one.peer.age_s)
        self._awaited.remove(longest)
        await longest.peer.close("no show")
        return True

    def _forget_those_who_came(self) -> None:
        self._awaited = [one for one in self._awaited if one.peer.awaited_s is not None]
