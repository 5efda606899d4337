"""Replicas behind Ray Serve: how many callers they carry, and what becomes of calls when some are taken away.

One machine, real WebRTC callers, scripted models, `deploy/ray_serve.py`; needs `make .venv-ray/ready`:

- how long a call takes, through Serve and at a server without it, in turns: to the answer, and to the first sound;
- callers come one by one until one is refused, to one replica, to two and to four, each of which lets in `PLACES`;
- of four replicas with a caller each, two are taken away: which calls break off before their callers hang up.

It says nothing about how fast models are: the replicas share one machine, and their models follow a script.
"""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from benchmarks import form
from benchmarks.replicas_served import Replicas, replicated
from benchmarks.served import serving
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.caller import Caller, RefusedError

NAME = "replicas"
PLACES = 2
"""Callers that one replica lets in."""
NUMBERS = (1, 2, 4)
"""Replicas."""
CALLS, QUICK_CALLS = 20, 4
"""Calls whose beginning is timed, each way."""
GO_ON_S, QUICK_GO_ON_S = 15.0, 5.0
"""How long calls go on after their replica was taken away."""
FRAMES_PER_S = 50
GIVE_UP_S = 90.0
TARGETS = (
    form.Target("callers_carried_2_vs_1", 2.0, at_least=True),
    form.Target("callers_carried_4_vs_1", 4.0, at_least=True),
    form.Target("cut_calls_on_scale_down", 0),
)


class TimedCaller(Caller):
    """A caller who knows when the offer was answered."""

    answered_at = 0.0

    async def offer(self, sdp: str) -> str:
        """Return the server's answer to an offer. Raises RefusedError."""
        answer = await super().offer(sdp)
        self.answered_at = self.now
        return answer


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    options = form.parser(NAME, str(__doc__)).parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    with (
        replicated(1, VOICEAGENT_SERVER__MAX_SESSIONS=str(PLACES)) as served,
        serving("scripted.yaml", ["session.idle_s=0", f"server.max_sessions={PLACES}"]) as direct,
    ):
        asyncio.run(measure(report, served, direct, quick=options.quick))
    report.summary = summarise(report.samples)
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, TARGETS))
    return 0


async def measure(report: form.Report, served: Replicas, direct: str, *, quick: bool) -> None:
    """Take every sample."""
    for number in NUMBERS:
        await scale(served, number)
        if number == 1:
            form.progress("calls begin, through Serve and without")
            report.samples["begun"] = await begin(served.url, direct, QUICK_CALLS if quick else CALLS)
        form.progress(f"callers come to {number} replica(s)")
        report.samples[f"came_to_{number}"] = await come(served.url)
    form.progress("half of the replicas are taken away")
    report.samples["taken_away"] = await take_away(served, QUICK_GO_ON_S if quick else GO_ON_S)


def summarise(samples: dict[str, list[Any]]) -> dict[str, float | int | None]:
    """Return the results."""
    carried = {number: sum(caller["heard"] for caller in samples[f"came_to_{number}"]) for number in NUMBERS}
    summary: dict[str, float | int | None] = {f"callers_carried_{number}": carried[number] for number in NUMBERS}
    for number in NUMBERS[1:]:
        summary[f"callers_carried_{number}_vs_1"] = round(carried[number] / carried[1], 2) if carried[1] else None
    for way in ("serve", "direct"):
        calls = [call for call in samples["begun"] if call["way"] == way]
        summary[f"begun_calls_{way}"] = len(calls)
        for what in ("answered", "connected"):
            summary |= form.spread(f"{what}_ms_{way}", [call[f"{what}_ms"] for call in calls])
    for what in ("answered", "connected"):
        served, direct = (summary[f"{what}_ms_{way}_p50"] for way in ("serve", "direct"))
        assert served is not None
        assert direct is not None
        summary[f"serve_adds_ms_{what}_p50"] = round(served - direct, 1)
    calls = samples["taken_away"]
    summary["calls_on_scale_down"] = len(calls)
    summary["calls_at_replicas_taken_away"] = sum(call["taken_away"] for call in calls)
    summary["cut_calls_on_scale_down"] = sum(call["cut"] for call in calls)
    summary["gone_after_last_call_s"] = max(call["gone_s"] for call in calls)
    return summary


async def scale(served: Replicas, number: int) -> None:
    """Have so many replicas. Raises ReplicasError, TimeoutError."""
    await asyncio.to_thread(served.tell, "scale", number)
    await states(served, {"RUNNING": number})


async def states(served: Replicas, wanted: dict[str, int]) -> None:
    """Wait for a number of replicas in each state. Raises ReplicasError, TimeoutError."""
    async with asyncio.timeout(GIVE_UP_S):
        while await asyncio.to_thread(served.tell, "replicas") != wanted:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


async def begin(served: str, direct: str, calls: int) -> list[dict[str, Any]]:
    """Call each of two addresses in turns, one call after the other; return how long each call takes, in ms: until its
    offer is answered, and until sound comes and the conversation can begin.
    """
    samples: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    for number in range(1 + calls):
        for way, url in (("serve", served), ("direct", direct)):
            began = loop.time()
            async with TimedCaller(url) as caller:
                took = {"answered_ms": caller.answered_at - began, "connected_ms": loop.time() - began}
            if number:  # the first ones also make what is made once
                samples.append({"way": way} | {key: round(1000 * value, 1) for key, value in took.items()})
            await asyncio.sleep(0.3)  # the place is free again when the good-bye has come
    return samples


async def come(url: str) -> list[dict[str, Any]]:
    """Let callers come until one is refused; return of each the replica, and whether the agent was heard."""
    await asyncio.sleep(1.5)  # who came before has left, and the router knows
    samples: list[dict[str, Any]] = []
    async with AsyncExitStack() as stack:
        while True:
            try:
                caller = await stack.enter_async_context(Caller(url))
            except RefusedError as refusal:
                return [*samples, {"refused": refusal.code, "retry_after_s": refusal.retry_after_s, "heard": False}]
            heard = await caller.until(partial(caller.heard.onset, 0.0), 30, "the greeting")
            samples.append({"replica": replica_of(caller), "heard": heard is not None})


async def take_away(served: Replicas, go_on_s: float) -> list[dict[str, Any]]:
    """Have a caller at each replica, take half of the replicas away, and return what became of the calls."""
    await asyncio.sleep(1.5)
    number = NUMBERS[-1]
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(Caller(served.url)) for _ in range(number)]
        await asyncio.to_thread(served.tell, "scale", number // 2)
        await states(served, {"RUNNING": number // 2, "STOPPING": number // 2})
        known = [len(caller.heard.packets) for caller in callers]
        await asyncio.sleep(go_on_s)
        staying = await asyncio.to_thread(served.tell, "running")
        samples = [
            {
                "replica": replica_of(caller),
                "taken_away": replica_of(caller) not in staying,
                "packets": len(caller.heard.packets) - before,
                "cut": was_cut(caller, before, go_on_s),
            }
            for caller, before in zip(callers, known, strict=True)
        ]
    left = asyncio.get_running_loop().time()
    await states(served, {"RUNNING": number // 2})
    gone_s = round(asyncio.get_running_loop().time() - left, 1)
    return [sample | {"gone_s": gone_s} for sample in samples]


def was_cut(caller: Caller, packets: int, within_s: float) -> bool:
    """Return whether a call broke off after so many packets, or lost half of its sound in these seconds."""
    came = len(caller.heard.packets) - packets
    return caller.last("bye") is not None or not caller.is_open or came < within_s * FRAMES_PER_S / 2


def replica_of(caller: Caller) -> str:
    """Return the name of the replica that a call is at: its id begins with it."""
    return caller.pc_id.partition(".")[0]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
