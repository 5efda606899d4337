"""The door for conversations that are held in other voiceagent processes: it lends them recogniser and voice.

A WebSocket is one stream. Before its client opens it, it tells only what the model can do and whether it is well; one
connection of each client's process stays like that, and watches. docs/split.md has the protocol.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from voiceagent.audio.pcm import AudioError
from voiceagent.doors.door import Door
from voiceagent.doors.engines.recogniser import RemoteRecogniser
from voiceagent.doors.engines.voice import RemoteVoice
from voiceagent.doors.engines.wire import StreamWire
from voiceagent.doors.errors import RequestError, UnavailableError
from voiceagent.doors.health import LOADING_RETRY_S
from voiceagent.doors.host import Host
from voiceagent.doors.wire import BadMessageError, GoneError
from voiceagent.engines.names import name_of
from voiceagent.engines.remote.protocol import PATHS, VERSION, Payload, ProtocolError

log = logging.getLogger(__name__)

HEALTH_S = 1.0
"""How often a watching client is told of a change."""
STREAMS: dict[str, type[RemoteRecogniser] | type[RemoteVoice]] = {"asr": RemoteRecogniser, "tts": RemoteVoice}


class EnginesDoor(Door):
    """Recogniser and voice for other processes, or that one of them that is there."""

    needs = frozenset()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """One WebSocket for each kind of engine."""
        there = {lane: path for lane, path in PATHS.items() if lane in self.context.host.models}
        return [WebSocketRoute(path, partial(self._serve, lane)) for lane, path in there.items()]

    async def _serve(self, lane: str, socket: WebSocket) -> None:
        await socket.accept()
        wire = StreamWire(socket)
        try:
            wire.put(_hello(self.context.host, lane))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(wire.write())
                watching = tasks.create_task(_tell_health(self.context.host, lane, wire))
                opening = await wire.receive()
                watching.cancel()
                await _lend(self.context.host, lane, wire, opening)
        except* GoneError:
            pass
        except* RequestError as refusals:
            refusal = next(error for error in refusals.exceptions if isinstance(error, RequestError))
            await wire.turn_away(refusal.code, str(refusal), refusal.retry_after_s)
        except* (ProtocolError, BadMessageError, AudioError) as errors:
            words = str(errors.exceptions[0])
            log.warning("a client of the door engines is not understood", extra={"lane": lane, "reason": words})
            await wire.turn_away("bad_message", words)


async def _lend(host: Host, lane: str, wire: StreamWire, opening: object) -> None:
    if not (isinstance(opening, dict) and opening.get("type") == "open"):
        raise ProtocolError('The first message is {"type": "open"}.')
    stream = STREAMS[lane](host, wire, opening)
    wire.put({"type": "opened"})
    clock = asyncio.get_running_loop().time
    try:
        while True:
            stream.take(await wire.receive(), clock())
    finally:
        stream.close()


async def _tell_health(host: Host, lane: str, wire: StreamWire) -> None:
    """Tell of every change until cancelled."""
    told: str | None = None
    with suppress(asyncio.CancelledError):
        while True:
            trouble = host.troubles().get(lane)
            if trouble != told:
                told = trouble
                wire.put({"type": "health", "trouble": trouble})
            await asyncio.sleep(HEALTH_S)


def _hello(host: Host, lane: str) -> Payload:
    """Return what the model can do. Raises UnavailableError while it loads or is out of order."""
    if not host.readiness().get(lane):
        why = host.troubles().get(lane, "it is still loading.")
        raise UnavailableError("not_ready", f"The {name_of(lane)} is not there yet: {why}", LOADING_RETRY_S)
    hello: Payload = {"type": "hello", "protocol": VERSION, "model": host.models[lane]}
    if lane == "asr":
        return {**hello, "languages": host.abilities.heard if "tts" in host.models else ()}
    abilities = host.abilities
    return {
        **hello,
        "languages": abilities.spoken,
        "voices": abilities.voices,
        "sample_rate": abilities.voice_rate,
    }
