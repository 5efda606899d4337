"""A long conversation in the echo room, in real time: who interrupts whom, how soon, and what is understood.

The agent talks without an end. Every few seconds the person cuts in, or coughs. In the last tenth the agent is silent,
and the person speaks alone. What the machine spoiled by being busy is counted, since it spoils the rest.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from benchmarks import corpus
from benchmarks.echo_room.cancelling import TEXT, Ears
from benchmarks.echo_room.sound_server import SoundServer
from benchmarks.echo_room.visit import Said, Visit, visit
from voiceagent.session.events import Outcome
from voiceagent.session.reports import AgentPaused, Report, ResponseEnded, ResponseStarted, UserTurnEnded
from voiceagent.testing.sound import make_cough
from voiceagent.text.words import word_error_rate

REPLY = "All right. " + " ".join(TEXT)
BEGIN_S = 8.0
"""The agent talks alone at first: it must not interrupt itself while the canceller learns the room."""
ALONE_S = (6.0, 14.0)
"""So long it talks before it is disturbed again."""
ANSWER_S = 6.0
"""An answer that does not come within this is none."""
CAUSED_S = 1.5
"""What happens this soon after the person has been heard is the person's doing."""
ALONE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the person did, and what came of it."""

    kind: str
    """barge_in, cough or alone."""
    said: Said
    until: float
    """When the last sample was in the air."""
    clip: corpus.Clip | None
    understood: str = ""
    ended: bool = False
    """The agent's response was interrupted."""


async def converse(server: SoundServer, minutes: float, echo_db: float) -> dict[str, Any]:
    """Talk for so long; return what happened."""
    acts: list[Act] = []
    chance = random.Random(5)
    clips = cycle(corpus.prompts(40, longest_s=3.8))  # read before there is a sound to hold up
    async with visit(server, REPLY, echo_db=echo_db) as here:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.sleep(1.0)
        here.door.session.say(" ".join(TEXT))
        await asyncio.sleep(BEGIN_S)
        erle: list[float] = []
        talks_until = begun + 60 * minutes * (1 - ALONE_SHARE)
        while loop.time() < talks_until:
            await _keep_talking(here, chance.uniform(*ALONE_S))
            if (db := here.door.status().erle_db) is not None:
                erle.append(round(db, 1))
            acts.append(await (_cough(here, len(acts)) if len(acts) % 4 == 3 else _barge_in(here, next(clips))))
        here.door.session.stop_speaking()
        await asyncio.sleep(1.0)
        while loop.time() < begun + 60 * minutes:
            acts.append(await _speak_alone(here, next(clips)))
        counts = here.door.counts
    return {
        "echo_db": echo_db,
        "minutes": round((loop.time() - begun) / 60, 1),
        "erle_db": erle,
        "acts": [_told(here, act) for act in acts],
        "self_pauses": _uncaused(here, acts, lambda report: isinstance(report, AgentPaused)),
        "self_interruptions": _uncaused(here, acts, _interrupted),
        "underruns": counts.underruns,
        "starved": counts.starved,
        "overruns": counts.overruns,
        "room_blocks_dropped": len(here.dropped),
    }


async def _keep_talking(here: Visit, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        if here.door.session.state.response is None:
            here.door.session.say(REPLY)
        await asyncio.sleep(0.1)


async def _barge_in(here: Visit, clip: corpus.Clip) -> Act:
    loop = asyncio.get_running_loop()
    said = await here.say(clip.pcm)
    await asyncio.sleep(clip.seconds)
    until = loop.time()
    await here.until(until, ResponseStarted, ANSWER_S)
    turns = [report.text for report in here.since(said.at, UserTurnEnded) if isinstance(report, UserTurnEnded)]
    ended = any(_interrupted(report) for report in here.since(said.at, ResponseEnded))
    return Act("barge_in", said, until, clip, " ".join(turns), ended)


async def _cough(here: Visit, seed: int) -> Act:
    loop = asyncio.get_running_loop()
    said = await here.say(make_cough(seed))
    await asyncio.sleep(2.5)
    ended = any(_interrupted(report) for report in here.since(said.at, ResponseEnded))
    return Act("cough", said, loop.time(), None, "", ended)


async def _speak_alone(here: Visit, clip: corpus.Clip) -> Act:
    loop = asyncio.get_running_loop()
    said = await here.say(clip.pcm)
    await asyncio.sleep(clip.seconds)
    until = loop.time()
    await here.until(until, ResponseStarted, ANSWER_S)
    here.door.session.stop_speaking()
    turns = [report.text for report in here.since(said.at, UserTurnEnded) if isinstance(report, UserTurnEnded)]
    await asyncio.sleep(1.0)
    return Act("alone", said, until, clip, " ".join(turns))


def _interrupted(report: Report) -> bool:
    return isinstance(report, ResponseEnded) and report.outcome is Outcome.INTERRUPTED


def _uncaused(here: Visit, acts: Sequence[Act], wanted: Any) -> list[float]:
    """Return when something happened to the agent that no one had done, in seconds from the first report."""
    first = here.reports[0][0] if here.reports else 0.0
    talking = [act for act in acts if act.kind != "alone"]
    silence = min((act.said.at for act in acts if act.kind == "alone"), default=float("inf")) - 1.5
    return [
        round(at - first, 2)
        for at, report in here.reports
        if wanted(report) and at < silence and not any(act.said.at <= at <= act.until + CAUSED_S for act in talking)
    ]


def _told(here: Visit, act: Act) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": act.kind, "block": act.said.block, "ended": act.ended}
    if act.clip is not None:
        errors, words = word_error_rate(act.clip.text, act.understood)
        told |= {"text": act.clip.text, "understood": act.understood, "errors": errors, "words": words}
    if act.kind == "barge_in":
        silent_s = here.silent_after(act.said)
        told["silent_ms"] = None if silent_s is None else round(1000 * silent_s)
    return told


def direct(ears: Ears, acts: Sequence[dict[str, Any]], kind: str) -> tuple[int, int]:
    """Return errors and words of the same clips, transcribed from their files."""
    clips = {clip.text: clip for clip in corpus.prompts(40, longest_s=3.8)}
    errors = words = 0
    for act in acts:
        if act["kind"] == kind:
            wrong, count = word_error_rate(act["text"], ears.playback.hear(clips[act["text"]].pcm).text)
            errors, words = errors + wrong, words + count
    return errors, words
