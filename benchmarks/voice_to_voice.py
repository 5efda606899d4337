"""How long a caller waits for an answer, and what else makes a conversation good, measured at the listener.

A caller in a process of its own talks over WebRTC to `voiceagent serve`:

- questions: last speech sample sent -> first agent sample received, with the stages of the wait as the server saw them;
- the same after utterances in which the speaker pauses: how often the agent begins to answer in the pause;
- the answers: gaps in them, silence between their segments, and whether they can be understood;
- what is said: how many of the answers differ, and how many are about what was asked, with the dialogue to read;
- barge-in: speech onset sent -> agent silent; coughs, which must not end an answer;
- the words that the agent understood, on a clean network and at 5 % loss, and how late lost packets make it hear.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

from benchmarks import form, replies
from benchmarks.measuring import FULL, QUICK, Run
from benchmarks.playback import Playback
from benchmarks.served import serving
from benchmarks.summary import TARGETS, stage_rows, summarise
from voiceagent.app.settings import load_settings
from voiceagent.errors import VoiceAgentError

NAME = "voice_to_voice"
QUICK_SETS = ("session.greeting=''", "llm.max_tokens=30")
"""A quick run waits neither for greetings nor for the end of long answers."""
CLOSING_S = 4.0
"""The time that a quick run reserves for stopping the server and writing."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    began = time.monotonic()
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--turns-only", type=int, metavar="N", help="N questions, N turns with a pause, nothing else")
    line.add_argument("--url", help="measure a running server instead of starting one")
    options = line.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    if options.turns_only:
        count = options.turns_only
        plan = replace(plan, questions=count, pauses=count, barge_ins=0, coughs=0, prompts=0)
    sets = [*options.set, *(QUICK_SETS if options.quick else ())]
    report = form.Report(NAME, form.command(NAME, arguments))
    with nullcontext(options.url) if options.url else serving(options.config, sets) as url:
        limit_s = form.QUICK_S - CLOSING_S - (time.monotonic() - began) if options.quick else None
        run = Run(url, plan, limit_s, greets=not options.quick or options.url is not None)
        asyncio.run(run.all())
    report.samples = run.samples
    if run.answers:
        form.progress(f"listening again to {len(run.answers)} answers")
        report.samples["answers"] = Playback(load_settings(options.config, sets).settings).judge(run.answers)
    exchanges = replies.exchanges(report.samples.get("questions", []))
    verdicts = replies.judge().on_topic(exchanges)
    report.samples["replies"] = [
        {"heard": heard, "reply": reply, "on_topic": verdict}
        for (heard, reply), verdict in zip(exchanges, verdicts, strict=True)
    ]
    report.summary = summarise(run.samples) | replies.summary([reply for _, reply in exchanges], verdicts)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    stages = form.table(("stage, median ms", "from", "to", "takes"), stage_rows(report.samples))
    dialogue = replies.show(report.samples.get("replies", []))
    return f"\n{dialogue}\n\n{stages}\n\n{form.results(report.summary, TARGETS)}"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
