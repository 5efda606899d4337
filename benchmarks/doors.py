"""How long a caller waits for an answer through each door, beside WebRTC's.

One caller, in a process of its own, asks one `voiceagent serve` the same questions, recordings of people, through one
door after the other; each in a call of its own, so that no answer depends on what was said before:

- last speech sample sent -> first audible agent sample that a client of that door would play: of WebRTC and AudioSocket
  when its packet has come; of a WebSocket as soon as it comes, or when what came before has been played;
- what was understood, what the agent said it says, and what a recogniser hears of the sound that arrived.
"""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from benchmarks import corpus, form
from benchmarks.form import Target, percentile
from benchmarks.phone_caller import PhoneCaller
from benchmarks.playback import Playback
from benchmarks.served import serving
from benchmarks.socket_callers import RealtimeSocketCaller, RtviSocketCaller
from benchmarks.telephone import AsteriskPhone, TwilioPhone
from benchmarks.turns import ask
from benchmarks.webrtc_callers import RealtimeCaller, RtviCaller
from voiceagent.app.settings import load_settings
from voiceagent.audio.pcm import Pcm
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import CallerError, Conversation

NAME = "doors"
REFERENCE = "webrtc"
SETS = ("session.greeting=''", "session.idle_s=0", "doors=[page, rtvi, realtime, telephony]")
"""A caller asks at once, and is not asked anything."""
REPLY_TOKENS, QUICK_TOKENS = 12, 8
"""Answers are heard to their end; only how they begin is measured."""
CLOSING_S = 9.0
"""What a quick run keeps for stopping the server, listening again and writing."""
ATTEMPTS, AGAIN_S = 4, 5.0
"""A server whose answers come late lets nobody in for some seconds."""
LOST = (CallerError, httpx.TransportError, WebSocketException, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is."""

    url: str
    audiosocket_port: int


Talk = AbstractAsyncContextManager[Conversation]

DOORS: dict[str, Callable[[Place], Talk]] = {
    REFERENCE: lambda place: Caller(place.url),
    "rtvi_websocket": lambda place: RtviSocketCaller(place.url),
    "realtime_websocket": lambda place: RealtimeSocketCaller(place.url),
    "twilio": lambda place: PhoneCaller(TwilioPhone(place.url)),
    "audiosocket": lambda place: PhoneCaller(AsteriskPhone(place.audiosocket_port)),
    "rtvi_webrtc": lambda place: RtviCaller(place.url),
    "realtime_webrtc": lambda place: RealtimeCaller(place.url),
}
TARGETS = tuple(Target(f"v2v_ratio_{door}", 1.3) for door in DOORS if door != REFERENCE)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked."""

    rounds: int
    questions: int
    """At each door, in each round; the same at every door."""
    longest_s: float = corpus.LONGEST_S
    """Of what is said."""


FULL, QUICK = Plan(rounds=4, questions=5), Plan(rounds=1, questions=1, longest_s=1.8)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--doors", nargs="+", choices=DOORS, default=list(DOORS), help="which (default: all)")
    line.add_argument("--rounds", type=int, help="how often each door is used")
    options = line.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    port = free_port()
    tokens = QUICK_TOKENS if options.quick else REPLY_TOKENS
    sets = [*SETS, f"llm.max_tokens={tokens}", f"telephony.audiosocket_port={port}", *options.set]
    report = form.Report(NAME, form.command(NAME, arguments))
    with serving(options.config, sets) as url:
        limit_s = form.QUICK_S - CLOSING_S - (time.monotonic() - began) if options.quick else None
        run = Run(Place(url, port), plan, options.doors, options.rounds or plan.rounds, limit_s)
        asyncio.run(run.all())
    report.samples = run.samples
    listen_again(Playback(load_settings(options.config, sets).settings), run)
    report.summary = summarise(run.samples, options.doors)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


@dataclass(slots=True)
class Run:
    """One run against one server; what was measured so far."""

    place: Place
    plan: Plan
    doors: Sequence[str]
    rounds: int
    limit_s: float | None = None
    """What is under way after this time is broken off."""
    samples: dict[str, list[Any]] = field(default_factory=lambda: {"questions": [], "errors": []})
    sounds: list[Pcm] = field(default_factory=list)
    """The sound of the answer to each question, 16 kHz."""

    async def all(self) -> None:
        """Ask everything."""
        clips = corpus.questions(self.rounds * self.plan.questions, self.plan.longest_s)
        try:
            async with asyncio.timeout(self.limit_s):
                for number, clip in enumerate(clips):
                    first = number % len(self.doors)
                    for door in [*self.doors[first:], *self.doors[:first]]:
                        await self._call(door, number // self.plan.questions, clip)
        except TimeoutError:
            form.progress("Time is up; what was measured so far counts.")

    async def _call(self, door: str, number: int, clip: corpus.Clip) -> None:
        """Ask in a call; one that is not taken or breaks off is made again."""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(AGAIN_S)
            if await self._talk(door, number, clip):
                return

    async def _talk(self, door: str, number: int, clip: corpus.Clip) -> bool:
        """Return whether it was asked."""
        try:
            async with DOORS[door](self.place) as line:
                sample, sound = await ask(line, clip)
                self.samples["questions"].append({"door": door, "round": number, **sample})
                self.sounds.append(sound)
                form.progress(f"{door}: {sample['v2v_ms']} ms  {sample['understood']} -> {sample['reply']}")
        except LOST as error:
            self.samples["errors"].append({"door": door, "round": number, "error": f"{type(error).__name__}: {error}"})
            form.progress(f"{door}: {error}")
            return False
        return True


def listen_again(ears: Playback, run: Run) -> None:
    """Add to every answer what a recogniser hears of it."""
    for sample, sound in zip(run.samples["questions"], run.sounds, strict=True):
        sample["heard"] = ears.hear(sound).text if len(sound) else ""


def summarise(samples: dict[str, list[Any]], doors: Sequence[str]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    summary: dict[str, float | int | None] = {}
    waits = {
        door: [q["v2v_ms"] for q in samples["questions"] if q["door"] == door and q["v2v_ms"] is not None]
        for door in doors
    }
    reference = percentile(waits.get(REFERENCE, []), 50)
    for door in doors:
        median = percentile(waits[door], 50)
        summary[f"v2v_ms_p50_{door}"] = median
        summary[f"v2v_ms_p90_{door}"] = percentile(waits[door], 90)
        if door != REFERENCE:
            summary[f"v2v_ratio_{door}"] = round(median / reference, 2) if median and reference else None
        asked = [sample for sample in samples["questions"] if sample["door"] == door]
        summary[f"question_count_{door}"] = len(asked)
        summary[f"no_answer_count_{door}"] = sum(sample["heard_at"] is None for sample in asked)
    summary["error_count"] = len(samples["errors"])
    return summary


def show(report: form.Report) -> str:
    """Lay out the results for people: what was said at each door, and the numbers."""
    dialogue = [
        f"{sample['door']}: {sample['text']}\n    understood: {sample['understood'] or '-'}\n"
        f"    said: {sample['reply'] or '-'}\n    heard: {sample['heard'] or '-'}"
        for sample in report.samples["questions"]
    ]
    return "\n".join([*dialogue, "", form.results(report.summary, TARGETS)])


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
