"""What the page shows along with the conversation: levels, lanes, and the network's effect on the user's audio."""

import asyncio
from collections.abc import Callable

from voiceagent.audio.pcm import SILENCE_DB, Pcm, level_db
from voiceagent.audio.receive import ReceiveStats
from voiceagent.doors.page import messages
from voiceagent.doors.webrtc.peer import Peer
from voiceagent.trace.steps import StepRecord

LEVEL_S = 0.1
"""How often both sides' levels are sent to the page; lanes and network follow every few times."""
LANES_EVERY = 3
NETWORK_EVERY = 20


class Telemetry:
    """Sends one page its telemetry, from `start` to `close`."""

    def __init__(
        self,
        peer: Peer,
        steps_since: Callable[[float], list[StepRecord]],
        send: Callable[[messages.Payload], None],
    ) -> None:
        self._peer = peer
        self._steps_since = steps_since
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._user_db = self._agent_db = SILENCE_DB
        self._ticks = 0
        self._lanes_shown = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start sending."""
        self._timer = self._loop.call_later(LEVEL_S, self._show)

    def user_audio(self, pcm: Pcm) -> None:
        """Record how loud the user is."""
        self._user_db = max(self._user_db, level_db(pcm))

    def agent_audio(self, pcm: Pcm) -> None:
        """Record how loud the agent is."""
        self._agent_db = max(self._agent_db, level_db(pcm))

    def close(self) -> None:
        """Stop sending."""
        if self._timer is not None:
            self._timer.cancel()

    def _show(self) -> None:
        self._send(messages.level(self._user_db, self._agent_db))
        self._user_db = self._agent_db = SILENCE_DB
        self._ticks += 1
        if self._ticks % LANES_EVERY == 0:
            now, steps = self._loop.time(), self._steps_since(self._lanes_shown)
            self._send(messages.lanes(now, steps, self._peer.session.streams))
            self._lanes_shown = now
        if self._ticks % NETWORK_EVERY == 0:
            stats = self._peer.inbound.stats
            self._send(messages.network(_lost_percent(stats), stats.lag_ms))
        self._timer = self._loop.call_later(LEVEL_S, self._show)


def _lost_percent(stats: ReceiveStats) -> float:
    sent = stats.received + stats.lost
    return 100 * stats.lost / sent if sent else 0.0
