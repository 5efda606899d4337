"""The user of a conversation: what a scenario has them do, whichever way they reach the agent.

`InProcess` talks to a session in this process, in virtual time or in real time; `spoken.py` through a door.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.evals.record import Record, Response
from voiceagent.evals.scenario import Earlier
from voiceagent.evals.utterance import RATE, Piece
from voiceagent.session.reports import Report
from voiceagent.testing.caller import Caller


class User(Protocol):
    """Does what it is told to, at once, and keeps the record. Times are seconds from the begin."""

    record: Record

    @property
    def now(self) -> float:
        """The time."""

    @property
    def at_rest(self) -> bool:
        """Whether nobody speaks, and no answer is being made."""

    async def say(self, pieces: Sequence[Piece]) -> None:
        """Speak; returns after the last sound."""

    async def listen(self, seconds: float) -> None:
        """Be silent for a while."""

    def types(self, text: str) -> None:
        """Write something."""

    def presses(self, keys: str) -> None:
        """Press keys of a telephone."""

    def speaks_language(self, code: str) -> None:
        """Tell the agent that another language is spoken from now on."""

    def remember(self, before: Sequence[Earlier]) -> None:
        """Have the agent remember what was said before."""

    async def finish(self) -> None:
        """Complete the record, and hang up."""


class InProcess:
    """A user of a session in this process. `scripted` engines are given the words that are said."""

    def __init__(self, scripted: bool, sound: bool) -> None:
        self.record = Record()
        self._scripted = scripted
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._both = Both(self._begun) if sound else None
        self._caller: Caller | None = None

    def take(self, report: Report) -> None:
        """Take a report of the session."""
        self.record.take(report, self.now)

    def connect(self, caller: Caller, before: Sequence[Earlier]) -> None:
        """Begin: the agent may greet."""
        self._caller = caller
        if self._both is not None:
            self._both.rate = caller.session.playout.rate
            caller.session.listen_in(self._both)
        self.remember(before)
        caller.connects()

    @property
    def caller(self) -> Caller:
        """The caller, once there is one."""
        assert self._caller is not None
        return self._caller

    @property
    def now(self) -> float:
        """The time."""
        return self._loop.time() - self._begun

    @property
    def at_rest(self) -> bool:
        """Whether nobody speaks, and no answer is being made."""
        return self.caller.at_rest

    async def say(self, pieces: Sequence[Piece]) -> None:
        """Speak; returns after the last sound."""
        for piece in pieces:
            if piece.pause_s:
                await self.caller.listens(piece.pause_s)
            elif self._scripted and piece.text:
                await self.caller.utters(piece.text)
            elif self._scripted:
                self.caller.knows_words()
                await self.caller.plays(_of(piece))
            else:
                await self.caller.plays(_of(piece))
        self._note_sounds()

    async def listen(self, seconds: float) -> None:
        """Be silent for a while."""
        await self.caller.listens(seconds)
        self._note_sounds()

    def types(self, text: str) -> None:
        """Write something."""
        self.caller.session.type(text)

    def presses(self, keys: str) -> None:
        """Press keys of a telephone."""
        self.caller.session.press(keys)

    def speaks_language(self, code: str) -> None:
        """Tell the agent that another language is spoken from now on."""
        session = self.caller.session
        session.configure(replace(session.config, language=code))

    def remember(self, before: Sequence[Earlier]) -> None:
        """Have the agent remember what was said before."""
        for one in before:
            self.caller.session.remember(one.role, one.content)

    async def finish(self) -> None:
        """Complete the record, and hang up."""
        record, session = self.record, self.caller.session
        self._note_sounds()
        record.history = [(item.role, item.text) for item in session.items if item.text]
        record.end = self.now
        self.caller.hangs_up()
        if self._both is not None:
            record.audio = self._both.mixed(record.end)

    def _note_sounds(self) -> None:
        self.record.sounds = [(sound.start - self._begun, sound.end - self._begun) for sound in self.caller.sounds]


class Both:
    """Records both sides of a session (`session/recording.py`)."""

    def __init__(self, begun: float) -> None:
        self.rate = RATE
        """Hz of the agent's side."""
        self._begun = begun
        self._user: list[tuple[float, Pcm]] = []
        self._agent: list[tuple[float, Pcm]] = []

    def user(self, pcm: Pcm, at: float) -> None:
        """The user was heard."""
        self._user.append((at - self._begun, pcm.copy()))

    def agent(self, pcm: Pcm, at: float) -> None:
        """The listener was played this."""
        self._agent.append((at - self._begun, pcm.copy()))

    def close(self) -> None:
        """The session has ended."""

    def mixed(self, seconds: float) -> Pcm:
        """Return both sides, at 16 kHz."""
        return mixed(
            placed(self._user, RATE, seconds), resample(placed(self._agent, self.rate, seconds), self.rate, RATE)
        )


def placed(pieces: Sequence[tuple[float, Pcm]], rate: int, seconds: float) -> Pcm:
    """Return the pieces, each at its time, in silence of that length."""
    whole = np.zeros(round((seconds + 1) * rate), np.float32)
    for at, pcm in pieces:
        begin = max(0, round(at * rate))
        space = whole[begin : begin + len(pcm)]
        space += pcm[: len(space)]
    return whole


def mixed(one: Pcm, other: Pcm) -> Pcm:
    """Return the sum of two sounds, within full scale."""
    length = min(len(one), len(other))
    both: Pcm = np.clip(one[:length] + other[:length], -1.0, 1.0)
    return both


def _of(piece: Piece) -> Pcm:
    assert piece.pcm is not None
    return piece.pcm


def live_response(record: Record) -> Response | None:
    """Return the response that is under way."""
    return next((one for one in reversed(list(record.of(Response))) if one.outcome is None), None)
