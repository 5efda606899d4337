"""A user who calls a running server over WebRTC, through the door of its page (docs/protocol.md)."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError
from voiceagent.evals.caller import mixed, placed
from voiceagent.evals.record import Call, Did, Record, Understood
from voiceagent.evals.scenario import Earlier
from voiceagent.evals.utterance import RATE, Piece
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import Received
from voiceagent.testing.webrtc.listener import BLOCK_MS

TOKEN = "VOICEAGENT_TOKEN"
STEP_S = 0.02
REST_S = 0.4
"""Quiet this long is no pause between words."""
REACTION_S = 1.5
"""How long after the user a server may take to show that it has heard."""
GAP_S = 0.03
"""Sound with a shorter gap in it is one sound: packets do not arrive evenly."""


@asynccontextmanager
async def spoken_user(url: str, sound: bool) -> AsyncIterator["SpokenUser"]:
    """Call a server, with the token in VOICEAGENT_TOKEN. Raises CallerError where it does not answer, or refuses."""
    async with Caller(url, token=os.environ.get(TOKEN)) as caller:
        yield SpokenUser(caller, sound)


class SpokenUser:
    """A user at the other end of a call."""

    def __init__(self, caller: Caller, sound: bool) -> None:
        self.record = Record()
        self._caller = caller
        self._begun = caller.now
        self._sound = sound
        self._taken = self._packets = 0
        """Messages and packets that are in the record."""
        self._floor, self._floor_at = "none", 0.0
        self._said: list[tuple[float, Pcm]] = []
        self._take()

    @property
    def now(self) -> float:
        """The time."""
        return self._caller.now - self._begun

    @property
    def at_rest(self) -> bool:
        """Whether nobody speaks, and no answer is being made."""
        acted = max((one.end or one.at for one in self.record.of(Did)), default=-REACTION_S)
        heard = self.record.sounds[-1][1] if self.record.sounds else -REST_S
        quiet = self.now - max(heard, self._floor_at) >= REST_S
        return self._floor == "none" and quiet and self.now - acted >= REACTION_S

    async def say(self, pieces: Sequence[Piece]) -> None:
        """Speak; returns after the last sound."""
        parts = [np.zeros(round(one.pause_s * RATE), np.float32) if one.pcm is None else one.pcm for one in pieces]
        pcm = np.concatenate(parts)
        said = await self._caller.say(pcm)
        self._said.append((said.start - self._begun, pcm))
        self._take()

    async def listen(self, seconds: float) -> None:
        """Be silent for a while."""
        until = self.now + seconds
        while (left := until - self.now) > 0:
            await asyncio.sleep(min(left, STEP_S))
            self._take()

    def types(self, text: str) -> None:
        """Write something."""
        self._caller.send({"type": "text", "text": text})

    def presses(self, keys: str) -> None:
        """Refuse: the page has no keys."""
        raise VoiceAgentError("Keys of a telephone cannot be pressed through the page's door: leave out --url.")

    def speaks_language(self, code: str) -> None:
        """Refuse: a page speaks the server's language."""
        raise VoiceAgentError("The language cannot be changed through the page's door: leave out --url.")

    def remember(self, before: Sequence[Earlier]) -> None:
        """Refuse: only who opens a session gives it a past."""
        if before:
            raise VoiceAgentError("A conversation with a past cannot be had through the page's door: leave out --url.")

    async def finish(self) -> None:
        """Complete the record; the call ends with its context."""
        self._take()
        self.record.end = self.now
        if self._sound:
            heard = placed([(p.arrival - self._begun, p.pcm) for p in self._caller.heard.packets], RATE, self.now)
            self.record.audio = mixed(placed(self._said, RATE, self.now), heard)

    def _take(self) -> None:
        messages, packets = self._caller.messages, self._caller.heard.packets
        for message in messages[self._taken :]:
            self._read(message)
        self._taken = len(messages)
        for packet in packets[self._packets :]:
            for block, audible in enumerate(packet.audible):
                if audible:
                    self._heard(packet.arrival - self._begun + block * BLOCK_MS / 1000)
        self._packets = len(packets)

    def _heard(self, at: float) -> None:
        sounds, end = self.record.sounds, at + BLOCK_MS / 1000
        if sounds and at - sounds[-1][1] < GAP_S:
            sounds[-1] = sounds[-1][0], max(end, sounds[-1][1])
        else:
            sounds.append((at, end))

    def _read(self, message: Received) -> None:
        record, at, told = self.record, max(0.0, message.at - self._begun), message.payload
        match message.kind:
            case "floor":
                if told["holder"] == "user" != self._floor:
                    record.happened(at, "user_starts")
                elif self._floor == "user" != told["holder"]:
                    record.happened(at, "user_stops")
                self._floor, self._floor_at = told["holder"], at
            case "user.final":
                known = next((one for one in record.of(Understood) if one.turn == told["turn"]), None)
                if known is None:
                    record.events.append(Understood(at, told["turn"], told["text"]))
                else:
                    known.text = told["text"]
            case "agent.segment":
                response = record.response(told["generation"], at)
                record.announced(response, told["segment"], tuple(told["words"]))
            case "agent.word":
                record.heard(record.response(told["generation"], at), told["segment"], told["word"])
            case "agent.paused":
                record.happened(at, "agent_pauses")
            case "agent.resumed":
                record.happened(at, "agent_resumes")
            case "agent.tool" if told["running"]:
                record.events.append(Call(at, told["tool"]))
            case "agent.end":
                record.ended(record.response(told["generation"], at), at, told["outcome"], told["heard_words"])
            case "error":
                record.trouble = record.trouble or told["message"]
            case "bye":
                record.trouble = record.trouble or f"The server ended the call: {told['reason']}."
