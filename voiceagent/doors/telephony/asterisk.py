"""One call from Asterisk: AudioSocket frames both ways, in real time, for Asterisk plays what comes at once."""

import asyncio
import logging
from contextlib import suppress

import numpy as np

from voiceagent.audio.files import Resampler
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import BadRequestError, UnavailableError
from voiceagent.doors.host import Host
from voiceagent.doors.telephony import audiosocket
from voiceagent.doors.telephony.audiosocket import RATES, Audio, CallId, HangUp, Key, read_frame
from voiceagent.doors.telephony.call import Call
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

FRAME_S = 0.02
CATCH_UP_S = 0.1
"""When late by more than this, the lost time is given up instead of sent in a burst."""
ID_S = 10.0
"""A client that has not named its call by then is sent away."""
FIRST_AUDIO_S = 1.0
"""Asterisk gives up after two seconds without a frame from us; by then we begin, at the rate that all know."""
MOST_WAITING_BYTES = 65_536
"""What may wait for a client that does not read: at 8 kHz, four seconds."""


class AsteriskCall:
    """One connection: `serve` returns when the call is over."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: Host, connections: Connections
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self._connections = connections
        self._kind = min(RATES)
        self._heard_audio = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def serve(self) -> None:
        """Take the call, if there is room for it, until one side ends it."""
        try:
            async with asyncio.timeout(ID_S):
                first = await read_frame(self._reader)
            if not isinstance(first, CallId):
                raise BadRequestError("out_of_order", "The first frame of a call is its id (kind 0x01).")
            call = await self._connections.admit(self._connect)
        except TimeoutError:
            self._refuse(BadRequestError("no_id", f"No id of a call came within {ID_S:g} s."))
        except UnavailableError:
            self._writer.write(audiosocket.hang_up())  # no error: the dialplan goes on, and may say why
        except VoiceAgentError as error:
            self._refuse(error)
        else:
            await self._talk(call)

    async def _connect(self) -> Call:
        return Call("audiosocket", self._host, None, lambda report: None, self._hang_up)

    async def _talk(self, call: Call) -> None:
        call.session.open()
        tasks = [asyncio.create_task(self._speak(call)), asyncio.create_task(self._listen(call))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except VoiceAgentError as error:
            self._refuse(error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._connections.left(call)
            await call.close("hangup")

    async def _listen(self, call: Call) -> None:
        """Do what the frames say, until the call is over."""
        while True:
            match await read_frame(self._reader):
                case Audio(kind, pcm):
                    if not self._heard_audio.is_set():
                        self._kind = kind
                        self._heard_audio.set()
                    call.hear(pcm, RATES[kind])
                case Key(key):
                    call.press(key)
                case HangUp(error):
                    if error:
                        log.warning("Asterisk ended a call", extra={"session": call.session.id, "reason": error})
                    return
                case CallId():
                    raise BadRequestError("out_of_order", "The call has its id already.")

    async def _speak(self, call: Call) -> None:
        """Send 20 ms every 20 ms, silence included, at the rate at which the caller is heard."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_AUDIO_S):
                await self._heard_audio.wait()
        kind, voice = self._kind, _Voice(call, RATES[self._kind])
        due = self._loop.time()
        while not self._writer.is_closing():
            self._writer.write(audiosocket.audio(kind, voice.next_frame()))
            if self._writer.transport.get_write_buffer_size() > MOST_WAITING_BYTES:
                log.warning("call ended: nothing is read of it", extra={"session": call.session.id})
                self._writer.transport.abort()
                return
            due = max(due + FRAME_S, self._loop.time() - CATCH_UP_S)
            await asyncio.sleep(due - self._loop.time())

    def _refuse(self, error: VoiceAgentError) -> None:
        log.warning("call refused", extra={"via": "audiosocket", "reason": str(error)})
        self._writer.write(audiosocket.error(str(error)))

    async def _hang_up(self) -> None:
        if not self._writer.is_closing():
            self._writer.write(audiosocket.hang_up())
            self._writer.close()


class _Voice:
    """The agent's audio in frames of exactly 20 ms at the caller's rate."""

    def __init__(self, call: Call, rate: int) -> None:
        self._pull = call.session.pull
        ours = call.session.playout.rate
        self._push = Resampler(ours, rate).push if rate != ours else None
        self._samples = round(rate * FRAME_S)
        self._ready: Pcm | None = None

    def next_frame(self) -> Pcm:
        if self._push is None:
            return self._pull()
        if self._ready is None:  # silence first, as long as what the resampler holds back: 2 ms
            first = self._push(self._pull())
            self._ready = np.concatenate((np.zeros(self._samples - len(first), np.float32), first))
        while len(self._ready) < self._samples:
            self._ready = np.concatenate((self._ready, self._push(self._pull())))
        frame, self._ready = np.split(self._ready, [self._samples])
        return frame
