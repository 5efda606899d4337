"""A visit to the echo room: the product's own local door and session on its devices, a person, and what happened when.

Silero listens, Moonshine understands, hibari speaks; what it says is scripted. Everything runs for real.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import RATE
from benchmarks.echo_room import room
from benchmarks.echo_room.acoustics import at_level
from benchmarks.echo_room.cancelling import PERSON_DB
from benchmarks.echo_room.sound_server import SoundServer, sound_server
from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import Pcm
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.local.devices import SystemDevices
from voiceagent.local.door import LocalDoor
from voiceagent.local.portaudio import Choice, refresh
from voiceagent.session.reports import Report

BLOCK_S = 0.01
SILENT_DB = -55.0
"""The loudspeaker says nothing."""
QUIET_S = 0.15
"""A silence this long is no pause between words; the agent has stopped."""
SETTINGS = ("vad.engine=silero", "asr.engine=moonshine", "tts.engine=hibari", "session.greeting=''", "session.idle_s=0")


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the person did."""

    block: int
    """Of the room's clock, 10 ms each."""
    at: float
    """On the event loop's clock."""


@dataclass(slots=True)
class Visit:
    """An open conversation."""

    door: LocalDoor
    server: SoundServer
    reports: list[tuple[float, Report]]
    """With the event loop's time."""
    _room: asyncio.subprocess.Process
    _folder: Path
    _levels: Path
    _count: int = 0
    speaker_db: list[float] = field(default_factory=list)
    """How loud the loudspeaker was in each block; after the visit."""
    dropped: list[int] = field(default_factory=list)
    """Blocks of the room that were lost since the machine was busy."""

    async def say(self, pcm: Pcm, level_db: float = PERSON_DB) -> Said:
        """Let the person say it (16 kHz), behind what they are saying; return when the first sample was in the air."""
        self._count += 1
        path = self._folder / f"{self._count}.npy"
        await asyncio.to_thread(_write, path, pcm, level_db)
        assert self._room.stdin is not None
        self._room.stdin.write(json.dumps({"say": str(path)}).encode() + b"\n")
        told = await self._told()
        return Said(told["block"], told["at"])

    async def leave(self) -> None:
        """End the room, and read what it noted."""
        assert self._room.stdin is not None
        self._room.stdin.close()
        await self._room.wait()
        noted = json.loads(self._levels.read_text())
        self.speaker_db, self.dropped = noted["speaker_db"], noted["dropped"]

    def silent_after(self, said: Said) -> float | None:
        """Return after how many seconds the loudspeaker fell silent; None if it was silent already, or never was."""
        levels, length = self.speaker_db, round(QUIET_S / BLOCK_S)
        if max(levels[max(0, said.block - length) : said.block + 1], default=SILENT_DB) <= SILENT_DB:
            return None
        for at in range(said.block, len(levels) - length):
            if max(levels[at : at + length]) <= SILENT_DB:
                return (at - said.block) * BLOCK_S
        return None

    def since(self, at: float, *kinds: type[Report]) -> list[Report]:
        """Return the reports of some kinds since a time."""
        return [report for when, report in self.reports if when >= at and isinstance(report, kinds)]

    async def until(self, at: float, kind: type[Report], seconds: float) -> Report | None:
        """Wait for a report since a time; None if it does not come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (found := self.since(at, kind)):  # noqa: ASYNC110 - a list has no event to wait for
                    await asyncio.sleep(0.02)
                return found[0]
        return None

    async def _told(self) -> dict[str, Any]:
        assert self._room.stdout is not None
        line = await self._room.stdout.readline()
        told: dict[str, Any] = json.loads(line)
        return told


def _write(path: Path, pcm: Pcm, level_db: float) -> None:
    np.save(path, at_level(resample(pcm, RATE, room.RATE), level_db))


@contextmanager
def devices() -> Iterator[SoundServer]:
    """Run the sound server, and have PortAudio in this process use it. Raises SoundServerError."""
    before = dict(os.environ)
    with sound_server() as server:
        os.environ.update(server.environment)
        try:
            refresh()
            yield server
        finally:
            for name in server.environment:
                os.environ.pop(name, None)
            os.environ.update(before)


@asynccontextmanager
async def visit(
    server: SoundServer,
    reply: str | None,
    *,
    echo_db: float = -6.0,
    delay_ms: float = 20.0,
    sets: Sequence[str] = (),
) -> AsyncIterator[Visit]:
    """Open a conversation in which every turn is answered by `reply`, or by its own words; `echo_db` is the gain from
    loudspeaker to microphone.
    """

    def answer(messages: tuple[Message, ...]) -> str:
        assert reply is not None
        return reply

    settings = load_settings("scripted.yaml", [*SETTINGS, *sets]).settings
    reports: list[tuple[float, Report]] = []
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        levels = Path(folder) / "levels.json"
        async with (
            _room(server, levels, echo_db, delay_ms) as process,
            Agent(settings, llm=ScriptedLlm(answer) if reply else "scripted") as agent,
        ):
            door = LocalDoor(
                agent.open_session,
                lambda report: reports.append((loop.time(), report)),
                SystemDevices(),
                Choice(),
            )
            talking = asyncio.create_task(door.run())
            here = Visit(door, server, reports, process, Path(folder), levels)
            try:
                yield here
                await here.leave()
            finally:
                await door.close("hangup")
                await talking


@asynccontextmanager
async def _room(
    server: SoundServer, levels: Path, echo_db: float, delay_ms: float
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.echo_room.room"),
        *("--echo-db", str(echo_db), "--delay-ms", str(delay_ms), "--levels", str(levels)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **server.environment},
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # it is ready
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
