"""How long a caller waits for an answer when recogniser and voice are in a process of their own, beside one process.

Two servers run side by side: one with all models, and one whose recogniser and voice are in a third process
(`speech.yaml`, over loopback). A caller has a conversation with each at once and asks both the same questions,
recordings of people, over WebRTC, one server after the other and the other way round the next time: last speech sample
sent -> first audible agent sample received. Machines apart add the network's round trips.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Any

from benchmarks import conversations, corpus, form
from benchmarks.form import Target, percentile
from benchmarks.served import serving
from benchmarks.summary import stage_rows, wer
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import CallerError

NAME = "split"
TOGETHER, APART = "one_process", "split"
SETS = ("session.greeting=''", "session.idle_s=0", "session.history_turns=0", "llm.max_tokens=30")
"""Each question is asked by itself, so that the same words begin the answers of both."""
QUESTIONS, QUICK_QUESTIONS = 14, 2
LONGEST_S, QUICK_LONGEST_S = 4.0, 2.0
"""Of what is said."""
CLOSING_S = 5.0
"""What a quick run keeps for stopping the servers and writing."""
TARGETS = (
    Target("v2v_ratio_split", 1.2),
    *(Target(f"no_answer_count_{name}", 0) for name in (TOGETHER, APART)),
    Target("error_count", 0),
)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    options = form.parser(NAME, str(__doc__)).parse_args(arguments)
    count, longest_s = (QUICK_QUESTIONS, QUICK_LONGEST_S) if options.quick else (QUESTIONS, LONGEST_S)
    clips = corpus.questions(count, longest_s)
    report = form.Report(NAME, form.command(NAME, arguments), samples={"questions": [], "errors": []})
    with ExitStack() as stack:
        speech = stack.enter_context(serving("speech.yaml"))
        there = [f"{role}.{setting}" for role in ("asr", "tts") for setting in ("engine=remote", f"url={speech}")]
        servers = {
            TOGETHER: stack.enter_context(serving("cpu.yaml", SETS)),
            APART: stack.enter_context(serving("cpu.yaml", [*SETS, *there])),
        }
        limit_s = form.QUICK_S - CLOSING_S - (time.monotonic() - began) if options.quick else None
        asyncio.run(converse(servers, clips, report.samples, limit_s))
    report.summary = summarise(report.samples)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


async def converse(
    servers: Mapping[str, str], clips: Sequence[corpus.Clip], samples: dict[str, list[Any]], limit_s: float | None
) -> None:
    """Ask each server each question, in one call to each; add what was measured to the samples.

    What is under way after `limit_s` is broken off. A call that is over is made again for the next question.
    """
    calls: dict[str, tuple[AsyncExitStack, Caller]] = {}
    try:
        async with asyncio.timeout(limit_s), AsyncExitStack() as every:
            for number, clip in enumerate(clips):
                for name in sorted(servers, reverse=bool(number % 2)):
                    try:
                        if name not in calls:
                            call = await every.enter_async_context(AsyncExitStack())
                            calls[name] = call, await call.enter_async_context(Caller(servers[name]))
                        sample, _ = await conversations.ask(calls[name][1], clip, whole=False)
                    except CallerError as error:
                        samples["errors"].append({"server": name, "clip": clip.name, "error": str(error)})
                        form.progress(f"{name}: {error}")
                        if name in calls:
                            await calls.pop(name)[0].aclose()
                        continue
                    samples["questions"].append({"server": name, "text": clip.text, **sample})
                    form.progress(f"{number + 1}/{len(clips)} {name}: {sample['v2v_ms']} ms  {sample['reply']}")
    except TimeoutError:
        form.progress("Time is up; what was measured so far counts.")


def summarise(samples: Mapping[str, list[Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    asked = {name: [s for s in samples["questions"] if s["server"] == name] for name in (TOGETHER, APART)}
    waits = {name: {s["clip"]: s["v2v_ms"] for s in asked[name] if s["v2v_ms"] is not None} for name in asked}
    summary: dict[str, float | int | None] = {}
    for name in asked:
        summary[f"v2v_ms_p50_{name}"] = percentile(waits[name].values(), 50)
        summary[f"v2v_ms_p90_{name}"] = percentile(waits[name].values(), 90)
        summary[f"wer_percent_{name}"] = wer(asked[name])
        summary[f"question_count_{name}"] = len(asked[name])
        summary[f"no_answer_count_{name}"] = sum(sample["heard_at"] is None for sample in asked[name])
    together, apart = (summary[f"v2v_ms_p50_{name}"] for name in (TOGETHER, APART))
    summary["v2v_ratio_split"] = round(apart / together, 2) if apart and together else None
    added = [waits[APART][clip] - waits[TOGETHER][clip] for clip in waits[APART] if clip in waits[TOGETHER]]
    summary["added_ms_p50"] = percentile(added, 50)
    understood = {name: {s["clip"]: s["understood"] for s in asked[name]} for name in asked}
    both = understood[TOGETHER].keys() & understood[APART].keys()
    summary["understood_differently_count"] = sum(understood[TOGETHER][c] != understood[APART][c] for c in both)
    summary["error_count"] = len(samples["errors"])
    return summary


def show(report: form.Report) -> str:
    """Lay out the results for people: the stages of the wait at each server, and the numbers."""
    blocks = []
    for name in (TOGETHER, APART):
        asked = [sample for sample in report.samples["questions"] if sample["server"] == name]
        rows = stage_rows({"questions": asked})
        blocks.append(form.table((f"{name}, stage, median ms", "from", "to", "takes"), rows))
    return "\n\n".join([*blocks, form.results(report.summary, TARGETS)])


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
