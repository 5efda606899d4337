"""The listener's side of a session: what is sent, what was heard of it as events, and who else listens in.

It decides nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from voiceagent.audio.pcm import Pcm
from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Drained, SegmentHeard, SegmentStarted, WordHeard
from voiceagent.session.agent_voice import AgentVoice
from voiceagent.session.agent_words import CONCLUDING_S
from voiceagent.session.events import Concluding, Event, PlayoutFinished, PlayoutStarted
from voiceagent.session.recording import Recorder, Recording
from voiceagent.session.reports import Report
from voiceagent.session.turns import TurnLog


class Listener:
    """One session's listener, and its recordings."""

    def __init__(
        self,
        playout: Playout,
        turns: TurnLog,
        report: Callable[[Report], None],
        post: Callable[[Event], None],
        agent: AgentVoice,
        session: str,
    ) -> None:
        self._playout = playout
        self._turns = turns
        self._report = report
        self._post = post
        self._agent = agent
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._recordings: list[Recording] = []

    def record(self, recorder: Recorder) -> None:
        """Give a recorder both sides of the session from now on."""
        self._recordings.append(Recording(recorder, self._playout, self._session))

    def hear(self, pcm: Pcm) -> None:
        """Record what the user said."""
        for recording in self._recordings:
            recording.hear(pcm)

    def pull(self) -> Pcm:
        """Return the next 20 ms."""
        ahead_s = self._playout.unplayed_s
        frame = self._playout.pull()
        self._agent.play(frame, ahead_s or 0.0)
        for recording in self._recordings:
            recording.pull(frame, ahead_s)
        self._draw_conclusions(ahead_s or 0.0)
        return frame

    def note_played(self) -> None:
        """Record what was played meanwhile of audio that was sent ahead."""
        self._playout.note_played()
        for recording in self._recordings:
            recording.note_played()
        self._draw_conclusions()

    def close(self) -> None:
        """End the recordings, even if one of them raises."""
        with ExitStack() as closing:
            for recording in self._recordings:
                closing.callback(recording.close)
        self._recordings.clear()

    def _draw_conclusions(self, ahead_s: float = 0.0) -> None:
        """Report what happened; what was just pulled is played in `ahead_s`."""
        for event in self._playout.drain_events():
            match event:
                case SegmentStarted(generation, 0):
                    self._turns.first_packet(generation, self._loop.time() + ahead_s)
                    self._post(PlayoutStarted(self._loop.time(), generation))
                case WordHeard() | SegmentHeard():
                    self._report(event)
                case Drained(generation):
                    self._post(PlayoutFinished(self._loop.time(), generation))
        said = self._agent.spoken
        if said.last_words and self._playout.buffered_s(said.generation) <= CONCLUDING_S:
            said.told()
            self._post(Concluding(self._loop.time(), said.generation, said.text))
