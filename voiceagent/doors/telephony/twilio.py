"""One call through Twilio's Media Streams: a WebSocket with JSON messages, mu-law at 8 kHz both ways."""

import asyncio
import logging
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from voiceagent.audio.files import Resampler
from voiceagent.audio.g711 import RATE
from voiceagent.audio.pacer import Pacer
from voiceagent.audio.pcm import Pcm
from voiceagent.doors.connections import Connections
from voiceagent.doors.errors import BadRequestError, TooLargeError, UnavailableError
from voiceagent.doors.host import Host
from voiceagent.doors.telephony import messages
from voiceagent.doors.telephony.call import Call
from voiceagent.doors.telephony.heard import Heard
from voiceagent.doors.telephony.messages import Key, Mark, Media, Other, Start, Stop, parse
from voiceagent.doors.telephony.parameters import configured
from voiceagent.errors import VoiceAgentError
from voiceagent.session.events import Outcome
from voiceagent.session.reports import Report, ResponseEnded, ResponseStarted

log = logging.getLogger(__name__)

START_S = 10.0
"""A client that has not started its stream by then is sent away."""
SEND_S = 5.0
"""A client that takes no message for so long does not read, or has vanished."""
LONGEST_REASON = 120
"""A WebSocket's close has room for 123 bytes (RFC 6455, 5.5)."""
_POLICY, _TOO_BIG, _GOING, _TRY_LATER = 1008, 1009, 1001, 1013


class TwilioStream:
    """One WebSocket: `serve` returns when the call is over."""

    def __init__(self, socket: WebSocket, host: Host, connections: Connections, allowed: tuple[str, ...]) -> None:
        self._socket = socket
        self._host = host
        self._connections = connections
        self._allowed = allowed
        self._stream = ""
        self._heard = Heard()
        self._loop = asyncio.get_running_loop()

    async def serve(self) -> None:
        """Take the call, if there is room for it, until one side ends it."""
        await self._socket.accept()
        try:
            async with asyncio.timeout(START_S):
                start = await self._start()
            self._stream = start.stream
            call = await self._admit(start)
        except TimeoutError:
            await self._refuse(BadRequestError("no_start", f"No start message came within {START_S:g} s."))
        except VoiceAgentError as error:
            await self._refuse(error)
        except WebSocketDisconnect:
            pass
        else:
            await self._talk(call)

    async def _start(self) -> Start:
        """Wait for the stream to begin."""
        while True:
            message = parse(await self._receive())
            if isinstance(message, Start):
                return message
            if not isinstance(message, Other):
                name = type(message).__name__.lower()
                raise BadRequestError("out_of_order", f"A {name} message came before the start message.")

    async def _admit(self, start: Start) -> Call:
        async def connect() -> Call:
            config = configured(self._host.config, start.parameters, self._allowed)
            return Call("twilio", self._host, config, self._report, self._hang_up)

        return await self._connections.admit(connect)

    async def _talk(self, call: Call) -> None:
        self._call = call
        self._mouth = Resampler(call.session.playout.rate, RATE)
        call.session.open()
        pacer = Pacer(call.session, self._send_audio, self._send_clear)
        tasks = [asyncio.create_task(pacer.run()), asyncio.create_task(self._listen(call))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except VoiceAgentError as error:
            await self._refuse(error)
        except TimeoutError:
            log.warning("call ended: nothing is read of it", extra={"session": call.session.id})
        except WebSocketDisconnect:  # hung up, or vanished
            pass
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._connections.left(call)
            await call.close("hangup")

    async def _listen(self, call: Call) -> None:
        """Do what the messages say, until the call is over."""
        while True:
            match parse(await self._receive()):
                case Media(pcm):
                    call.hear(pcm, RATE)
                case Key(key):
                    call.press(key)
                case Mark(name):
                    self._heard.returned(name, self._loop.time())
                case Stop():
                    return
                case Start():
                    raise BadRequestError("out_of_order", "The stream has started already.")

    def _report(self, report: Report) -> None:
        match report:
            case ResponseStarted(generation):
                self._heard.begin(generation)
            case ResponseEnded(generation, Outcome.INTERRUPTED) if generation == self._heard.generation:
                if (ms := self._heard.ms(self._loop.time())) is not None:
                    self._loop.call_soon(self._call.session.heard_until, generation, ms)

    async def _send_audio(self, frame: Pcm) -> None:
        if len(pcm := self._mouth.push(frame)):
            await self._send(messages.media(self._stream, pcm))
        if (name := self._heard.sent(self._loop.time())) is not None:
            await self._send(messages.mark(self._stream, name))

    async def _send_clear(self) -> None:
        self._heard.cleared(self._loop.time())
        await self._send(messages.clear(self._stream))

    async def _send(self, text: str) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(_GOING)
        async with asyncio.timeout(SEND_S):
            await self._socket.send_text(text)

    async def _receive(self) -> object:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", _GOING))
        return message.get("text")

    async def _refuse(self, error: VoiceAgentError) -> None:
        """End the stream with a reason."""
        if not isinstance(error, UnavailableError):  # those are logged already
            log.warning("call refused", extra={"via": "twilio", "reason": str(error)})
        code = _TRY_LATER if isinstance(error, UnavailableError) else _POLICY
        await self._hang_up(_TOO_BIG if isinstance(error, TooLargeError) else code, str(error))

    async def _hang_up(self, code: int = 1000, reason: str = "") -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it is gone already
                async with asyncio.timeout(SEND_S):
                    await self._socket.close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
