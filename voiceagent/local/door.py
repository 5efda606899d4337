"""The door of this machine's own microphone and loudspeaker: a session's calls in, its reports out.

The device's clock drives it: with each block that was heard comes the one that was played meanwhile, and room for
another. A device that goes away takes nothing along: the agent waits in mid-word until that device, or another, is
there.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np

from voiceagent.audio.pcm import SILENCE_DB, Pcm
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.local.devices import Devices
from voiceagent.local.echo import EchoCanceller, EchoState
from voiceagent.local.line import Line
from voiceagent.local.portaudio import Choice, DeviceError
from voiceagent.local.status import Counts, Status
from voiceagent.local.wake_word import WakeWord
from voiceagent.session.coordinator import Session
from voiceagent.session.effects import Floor
from voiceagent.session.reports import Report

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
"""How often a device that has gone is looked for."""
STOPPED_S = 1.0
"""A device that has not called for this long has gone, whatever it says."""
SETTLES_S = 0.3
"""A sound server announces one change in several steps."""
PAUSE_S = 1.0
"""Silence that is heard where the microphone goes: what was being said is over."""
LOUD_ECHO_DB = -20.0
"""From here on a person's voice is hard to find in the echo."""


class LocalDoor:
    """One conversation at this machine: `run` talks until `close`.

    `cancel_echo` is off with headphones, and where the system itself cancels. Raises VoiceAgentError where no session
    can be opened.
    """

    def __init__(
        self,
        open_session: Callable[[Callable[[Report], None]], Session],
        on_report: Callable[[Report], None],
        devices: Devices,
        choice: Choice,
        *,
        cancel_echo: bool = True,
        push_to_talk: bool = False,
        wake_word: WakeWord | None = None,
    ) -> None:
        self.id = uuid4().hex
        self._devices, self._choice = devices, choice
        self._loop = asyncio.get_running_loop()
        self._canceller = EchoCanceller() if cancel_echo else None
        self._line: Line | None = None
        self._past = Counts()
        self._trouble = ""
        self._greeted = False
        self._closed = asyncio.Event()
        self.push_to_talk = push_to_talk
        self.muted = push_to_talk
        self.session = open_session(on_report)
        self._wake_word = wake_word
        rules = self.session.config.rules
        if push_to_talk:
            rules = replace(rules, manual=True)
        if wake_word is not None:
            rules = replace(rules, idle_s=0.0)  # nobody asks an empty room whether it is still there
        self.session.configure(replace(self.session.config, rules=rules))

    def describe(self) -> dict[str, Any]:
        """Describe the connection for /api/sessions."""
        return {"connection": "local", "underruns": self.session.playout.underruns + self.counts.gaps}

    @property
    def counts(self) -> Counts:
        """What went wrong with the sound so far."""
        return self._past if self._line is None else self._past + self._line.counts

    def status(self) -> Status:
        """Return how it goes. The levels begin again."""
        line, canceller = self._line, self._canceller
        user_db, agent_db = line.levels() if line else (SILENCE_DB, SILENCE_DB)
        return Status(
            input=line.input if line else "",
            output=line.output if line else "",
            user_db=user_db,
            agent_db=agent_db,
            echo=canceller.state if canceller else EchoState.OFF,
            erle_db=canceller.erle_db if canceller else None,
            delay_s=line.mouth.unplayed_s if line else 0.0,
            counts=self.counts,
            muted=self.muted,
            asleep=self._wake_word is not None and not self._wake_word.awake,
            trouble=self._trouble or self._hint(),
        )

    def toggle(self) -> None:
        """Mute or unmute the microphone; with push-to-talk, begin to speak or be done."""
        self.muted = not self.muted
        if self.push_to_talk and self.muted:
            self.session.commit_turn()
        elif self.push_to_talk:
            self.session.stop_speaking()

    async def run(self) -> None:
        """Talk until `close`. Raises DeviceError where there is no device to begin with; later ones are waited for."""
        while not self._closed.is_set():
            try:
                self._line = await self._open()
            except DeviceError as error:
                if not self._greeted:
                    raise
                self._tell(str(error))
                await _within(LOOK_AGAIN_S, self._closed.wait())
                await asyncio.to_thread(self._devices.refresh)
            else:
                self._tell("")
                await self._talk(self._line)

    async def close(self, reason: str) -> None:
        """End the session and let go of the device. Safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._drop()
        self.session.close()
        log.info("session ended", extra={"session": self.session.id, "reason": reason})

    async def _open(self) -> Line:
        """Open the device. Raises DeviceError."""
        rate = self.session.playout.rate
        opening = asyncio.create_task(
            asyncio.to_thread(Line, self._loop, self._devices, self._choice, self._canceller, rate)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            with suppress(DeviceError):  # a thread can't be cancelled: let go of what it has opened
                (await opening).close()
            raise

    async def _talk(self, line: Line) -> None:
        """Talk until the device is gone, or the conversation is over."""
        if self._closed.is_set():
            self._drop()
            return
        log.info("device open", extra={"input": line.input, "output": line.output, "rate": line.rate})
        self.session.playout.follow(line.mouth)
        if not self._greeted:
            self._greeted = True
            self.session.open()
        line.start(self._hear, self._pull)
        watching = asyncio.create_task(self._watch(line))
        while not line.gone.is_set() and not self._closed.is_set() and self._loop.time() - line.called_at < STOPPED_S:
            await _within(STOPPED_S / 2, line.gone.wait())
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        if not self._closed.is_set():
            log.warning("device gone", extra={"input": line.input, "output": line.output})
            self._drop()
            self.session.hear(np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32))

    async def _watch(self, line: Line) -> None:
        """Let go of a device that was pulled out, or is not the default any more: its stream goes on elsewhere."""
        async with aclosing(self._devices.changes()) as changes:
            async for _ in changes:
                await asyncio.sleep(SETTLES_S)
                try:
                    names = await asyncio.to_thread(self._devices.names, self._choice)
                except DeviceError:
                    names = None
                if names != (line.input, line.output):
                    line.gone.set()

    def _drop(self) -> None:
        if self._line is not None:
            line, self._line = self._line, None
            self._past += line.counts
            line.close()

    def _hear(self, pcm: Pcm) -> None:
        self.session.note_played()
        self.session.hear(np.zeros_like(pcm) if self.muted or self._asleep(pcm) else pcm)

    def _asleep(self, pcm: Pcm) -> bool:
        """Return whether the wake word has yet to be said."""
        if self._wake_word is None:
            return False
        self._wake_word.hear(pcm, len(pcm) / SAMPLE_RATE, quiet=self.session.state.floor is Floor.NOBODY)
        return not self._wake_word.awake

    def _pull(self) -> Pcm:
        return self.session.pull()

    def _hint(self) -> str:
        if self._line is not None and self._line.is_silent:
            return "Nothing comes from the microphone: it is switched off, or not allowed for this terminal."
        canceller = self._canceller
        if canceller is not None and canceller.rings and canceller.echo_db > LOUD_ECHO_DB:
            return "The loudspeaker is very loud at the microphone: turn it down, or use headphones."
        return ""

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("no device", extra={"reason": trouble})
        self._trouble = trouble


async def _within(seconds: float, event: Any) -> None:
    """Wait for something, but no longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await event
    except TimeoutError:
        pass
