"""How soon the agent answers at the loudspeaker of the echo room, and over WebRTC: the same engines, the same clips.

What both have in common is the agent; what differs is the way there and back. Of the devices' part of it a sweep tells,
played from the loudspeaker to the microphone by the way that the voices take.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from benchmarks import conversations, corpus
from benchmarks.echo_room.sound_server import SoundServer
from benchmarks.echo_room.visit import BLOCK_S, SETTINGS, SILENT_DB, Said, Visit, visit
from benchmarks.served import serving
from voiceagent.local.device import Device
from voiceagent.local.portaudio import Choice
from voiceagent.local.sweep import measure
from voiceagent.session.reports import ResponseStarted
from voiceagent.testing.webrtc.caller import Caller

ECHO_DB = -12.0
BREATH_S = 1.5
"""Between an answer that was cut short and the next question."""
HEARD_S = 1.5
"""So much of an answer is listened to."""
ANSWER_S = 8.0


async def at_the_loudspeaker(server: SoundServer, clips: Sequence[corpus.Clip]) -> dict[str, Any]:
    """Ask in the room; return how long each answer took, in the air, and how long the way is without an agent."""
    asked: list[tuple[corpus.Clip, Said]] = []
    async with visit(server, None, echo_db=ECHO_DB) as here:
        _, path = await asyncio.to_thread(measure, Device, Choice())
        await asyncio.sleep(BREATH_S)
        for clip in clips:
            said = await here.say(clip.pcm)
            asked.append((clip, said))
            await asyncio.sleep(clip.seconds)
            await here.until(said.at + clip.seconds, ResponseStarted, ANSWER_S)
            await asyncio.sleep(HEARD_S)
            here.door.session.stop_speaking()
            await asyncio.sleep(BREATH_S)
        counts = here.door.counts
    return {
        "answers_ms": [_answer_ms(here, clip, said) for clip, said in asked],
        "devices_ms": None if path.delay_s is None else round(1000 * path.delay_s, 1),
        "underruns": counts.underruns,
        "starved": counts.starved,
        "overruns": counts.overruns,
        "room_blocks_dropped": len(here.dropped),
    }


def over_webrtc(clips: Sequence[corpus.Clip]) -> list[float | None]:
    """Ask a server with the same settings; return how long each answer took, in ms."""

    async def ask(url: str) -> list[float | None]:
        async with Caller(url) as caller:
            return [(await conversations.ask(caller, clip, whole=False))[0]["v2v_ms"] for clip in clips]

    with serving("scripted.yaml", SETTINGS) as url:
        return asyncio.run(ask(url))


def _answer_ms(here: Visit, clip: corpus.Clip, said: Said) -> float | None:
    """Return the time from the person's last sample to the loudspeaker's first; None without an answer."""
    end = said.block + math.ceil(clip.seconds / BLOCK_S)
    until = end + round(ANSWER_S / BLOCK_S)
    onset = next((at for at in range(end, min(until, len(here.speaker_db))) if here.speaker_db[at] > SILENT_DB), None)
    return None if onset is None else round(1000 * BLOCK_S * (onset - end), 1)
