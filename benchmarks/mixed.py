"""Does a caller by WebRTC notice what comes through other doors meanwhile?

A caller asks questions alone, and beside a conversation over OpenAI's Realtime WebSocket and an hour of audio that is
uploaded to be transcribed; in turn, several times, with the same questions, at one `voiceagent serve`. Reported are
voice-to-voice at the WebRTC caller, silences in the middle of answers, and what the server counts as present.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from math import inf
from typing import Any

import httpx
import numpy as np
from websockets.exceptions import InvalidStatus, WebSocketException

from benchmarks import corpus, form
from benchmarks.crowding import CONNECT_S, QUESTION_S, CallerProcess, ConversationConfig
from benchmarks.form import Target, percentile
from benchmarks.level import row, silences, unanswered, waits_ms, watching
from benchmarks.prometheus import scrape
from benchmarks.served import serving
from benchmarks.socket_callers import RealtimeSocketCaller
from benchmarks.turns import ask
from voiceagent.audio.encode import Encoder
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.line import CallerError

NAME = "mixed"
ALONE, MIXED = "alone", "mixed"
OTHERS = REALTIME, UPLOAD = "realtime", "upload"
SETS = (
    "session.greeting=''",
    "session.history_turns=0",
    "session.idle_s=0",
    "llm.max_tokens=30",
    "doors=[page, realtime, openai]",
)
"""Each question is asked by itself: what a small model repeats is written again, and that would be measured."""
TARGETS = (
    Target("v2v_p95_ratio_mixed", 1.3),
    Target("mid_response_silences", 0),
    Target("callers_counted", 2, at_least=True),
    Target("speech_streams_counted", 1, at_least=True),
    Target("transcribed_words", 1, at_least=True),
)
TALKS, PAUSE_S = 24, 0.8
"""What the recording is made of, and the silence between: utterances to the recogniser."""
BEGUN_S = 60.0
"""The longest wait for the other doors' first words."""
LOOK_EVERY_S = 4.0
RETRY_S = 1.0
CLOSING_S = 6.0
"""What a quick run keeps for stopping the server and writing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    questions: int
    """Of each caller alone, and as many again beside the others; in each round."""
    longest_s: float
    whole: bool
    """Answers are heard to their end."""
    recording_s: float


FULL = Plan(rounds=5, questions=8, longest_s=corpus.LONGEST_S, whole=True, recording_s=3600.0)
QUICK = Plan(rounds=1, questions=2, longest_s=2.5, whole=False, recording_s=300.0)


@dataclass(slots=True)
class Others:
    """What came through the other doors."""

    questions: list[dict[str, Any]] = field(default_factory=list)
    """Of the Realtime conversation."""
    transcript: str = ""
    errors: list[str] = field(default_factory=list)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--rounds", type=int, help="how often each of the two is measured")
    line.add_argument(
        "--beside", nargs="+", choices=OTHERS, default=list(OTHERS), help="what there is beside the caller"
    )
    options = line.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    over_by = began + form.QUICK_S - CLOSING_S if options.quick else None
    report = form.Report(NAME, form.command(NAME, arguments))
    file = recording(plan.recording_s)
    with serving(options.config, [*SETS, *options.set]) as url:
        run = Run(url, plan, options.rounds or plan.rounds, options.beside, file, over_by)
        asyncio.run(run.all())
    report.samples["phases"] = run.phases
    report.summary = summarise(report.samples["phases"])
    if options.json:
        report.write(options.json)
    print(f"\n{form.results(report.summary, TARGETS)}")
    return 0


def recording(seconds: float) -> bytes:
    """Return people talking for so long, one after the other, as a FLAC file."""
    pause = np.zeros(round(PAUSE_S * corpus.RATE), np.float32)
    once = np.concatenate([part for clip in corpus.prompts(TALKS) for part in (clip.pcm, pause)])
    encoder = Encoder("flac", corpus.RATE)
    times = max(1, round(seconds * corpus.RATE / len(once)))
    return b"".join([*(encoder.push(once) for _ in range(times)), encoder.finish()])


@dataclass(slots=True)
class Run:
    """One run against one server; what was measured so far."""

    url: str
    plan: Plan
    rounds: int
    beside: Sequence[str]
    """Which of the `OTHERS` there are."""
    file: bytes
    """The recording to upload."""
    over_by: float | None = None
    """What is under way at this time, on the monotonic clock, is cut off."""
    phases: list[dict[str, Any]] = field(default_factory=list)

    async def all(self) -> None:
        """Measure the caller alone and beside the others, in turn; every second round the other way about."""
        for number in range(self.rounds):
            for kind in (ALONE, MIXED) if number % 2 == 0 else (MIXED, ALONE):
                if self.over_by is not None and time.monotonic() > self.over_by - CLOSING_S:
                    form.progress("Time is up; what was measured so far counts.")
                    return
                self.phases.append({"kind": kind, "round": number, **await self._phase(number, kind)})
                form.progress(f"{kind}: {row(self.phases[-1])}")
                for error in self.phases[-1]["others_errors"]:
                    form.progress(error)

    async def _phase(self, number: int, kind: str) -> dict[str, Any]:
        plan, limit = self.plan, self.over_by or inf
        config = ConversationConfig(
            questions=plan.questions, longest_s=plan.longest_s, whole=plan.whole, greeted=False, patience_s=45.0
        )
        there = self.beside if kind == MIXED else ()
        with watching(self.url) as watch, CallerProcess(self.url, config, number) as caller:
            await asyncio.to_thread(caller.connect, min(time.monotonic() + CONNECT_S, limit))
            begun_by = min(time.monotonic() + BEGUN_S, limit - CLOSING_S)
            async with others_present(self.url, there, self.file, plan.longest_s, begun_by) as others:
                seen: list[tuple[int, int]] = []
                looking = asyncio.create_task(_look(self.url, seen))
                await asyncio.to_thread(watch.mark)
                await asyncio.to_thread(caller.ask, min(time.monotonic() + plan.questions * QUESTION_S, limit))
                await asyncio.to_thread(watch.mark)
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
        return {
            **watch.level(1, [caller.report]),
            "callers_counted": max((callers for callers, _ in seen), default=0),
            "speech_streams_counted": max((streams for _, streams in seen), default=0),
            "realtime": others.questions,
            "transcript": [others.transcript],
            "others_errors": others.errors,
        }


@asynccontextmanager
async def others_present(
    url: str, there: Sequence[str], file: bytes, longest_s: float, begun_by: float
) -> AsyncIterator[Others]:
    """Talk and upload through the other doors until the end of the `with`, which begins when all are under way, or at
    `begun_by` on the monotonic clock.
    """
    others = Others()
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=None) as http:
        under_way = {name: asyncio.Event() for name in there}
        work = {
            UPLOAD: lambda begun: _upload(http, file, others, begun),
            REALTIME: lambda begun: _converse(url, longest_s, others, begun),
        }
        tasks = [asyncio.create_task(work[name](event)) for name, event in under_way.items()]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, begun_by - time.monotonic())):
                    for event in under_way.values():
                        await event.wait()
            yield others
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _upload(http: httpx.AsyncClient, file: bytes, others: Others, under_way: asyncio.Event) -> None:
    """Have the recording transcribed, again if need be; a server that has no place is asked again."""
    while True:
        try:
            async with http.stream(
                "POST", "/v1/audio/transcriptions", files={"file": ("talk.flac", file)}, data={"stream": "true"}
            ) as answer:
                if answer.is_error:
                    others.errors.append(f"upload: {answer.status_code} {(await answer.aread())[:200]!r}")
                    await asyncio.sleep(float(answer.headers.get("Retry-After", RETRY_S)))
                    continue
                async for line in answer.aiter_lines():
                    if line.startswith("data: {"):
                        others.transcript += json.loads(line.removeprefix("data: ")).get("delta", "")
                        under_way.set()
        except httpx.TransportError as error:
            others.errors.append(f"upload: {type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_S)


async def _converse(url: str, longest_s: float, others: Others, under_way: asyncio.Event) -> None:
    """Ask on and on over the Realtime WebSocket."""
    clips = corpus.questions(TALKS, longest_s)[::-1]
    while True:
        try:
            async with RealtimeSocketCaller(url) as caller:
                under_way.set()
                for clip in cycle(clips):
                    sample, _ = await ask(caller, clip)
                    others.questions.append(sample)
        except InvalidStatus as error:  # no place
            others.errors.append(f"realtime: {error.response.status_code} {error.response.body!r}")
            await asyncio.sleep(float(error.response.headers.get("Retry-After", RETRY_S)))
        except (CallerError, WebSocketException, OSError) as error:
            others.errors.append(f"realtime: {type(error).__name__}: {error}")
            await asyncio.sleep(RETRY_S)


async def _look(url: str, seen: list[tuple[int, int]]) -> None:
    """Note now and then how many conversations and how many other streams the server counts."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        counted = await asyncio.to_thread(scrape, url)
        seen.append((int(counted.value("voiceagent_sessions")), int(counted.value("voiceagent_speech_streams"))))


def summarise(phases: Sequence[dict[str, Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    summary: dict[str, float | int | None] = {}
    p95: dict[str, float | None] = {}
    of = {kind: [phase for phase in phases if phase["kind"] == kind] for kind in (ALONE, MIXED)}
    for kind, taken in of.items():
        waits = [ms for phase in taken for ms in waits_ms(phase)]
        p95[kind] = percentile(waits, 95)
        lags = [phase["loop_lag_ms_p99"] for phase in taken if phase["loop_lag_ms_p99"] is not None]
        summary |= {
            f"v2v_ms_p50_{kind}": percentile(waits, 50),
            f"v2v_ms_p95_{kind}": p95[kind],
            f"question_count_{kind}": sum(len(phase["questions"]) for phase in taken),
            f"no_answer_count_{kind}": sum(unanswered(phase) + len(phase["errors"]) for phase in taken),
            f"mid_response_silences_{kind}": sum(map(silences, taken)) if taken else None,
            f"loop_lag_ms_p99_{kind}": max(lags, default=None),
        }
    alone, mixed = p95[ALONE], p95[MIXED]
    realtime = [sample for phase in of[MIXED] for sample in phase["realtime"]]
    return {
        "v2v_p95_ratio_mixed": round(mixed / alone, 2) if alone and mixed else None,
        "mid_response_silences": summary["mid_response_silences_mixed"],
        "callers_counted": min((phase["callers_counted"] for phase in of[MIXED]), default=None),
        "speech_streams_counted": min((phase["speech_streams_counted"] for phase in of[MIXED]), default=None),
        "transcribed_words": min((len(phase["transcript"][0].split()) for phase in of[MIXED]), default=None),
        **summary,
        "realtime_question_count": len(realtime),
        "realtime_v2v_ms_p50": percentile((s["v2v_ms"] for s in realtime if s["v2v_ms"] is not None), 50),
        "others_error_count": sum(len(phase["others_errors"]) for phase in of[MIXED]),
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no process is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
