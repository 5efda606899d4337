"""One caller of the sessions benchmark, in a process of their own: connects, waits for the word, asks, reports.

    python -m benchmarks.one_caller URL --number 2 --questions 6

It says "connected", "refused" or why it failed on a line of stdout, begins to ask at the first line of stdin, and
writes a line of JSON for each question: {"question": ...} or {"error": ...}, at the end {"cpu_percent": ...}. Then it
hangs up. End of input ends the call before its first question. Knows nothing of the other callers.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence

from benchmarks import conversations as talk
from benchmarks import corpus
from benchmarks.caller import Caller
from benchmarks.line import CallerError

PHASE_S = 0.7
"""Callers begin this much apart, so that they neither keep step with each other nor never meet."""


def main(arguments: Sequence[str]) -> None:
    """Make the call."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.one_caller")
    line.add_argument("url")
    line.add_argument("--number", type=int, default=0, help="which caller this is")
    line.add_argument("--questions", type=int, default=6)
    line.add_argument("--longest", type=float, default=corpus.LONGEST_S, help="seconds of what is said")
    line.add_argument("--whole", action="store_true", help="hear every answer to its end")
    line.add_argument("--greeted", action="store_true", help="the agent begins the call")
    options = line.parse_args(arguments)
    clips = corpus.questions(options.questions, options.longest)
    first = options.number % len(clips)
    asyncio.run(_call(options, [*clips[first:], *clips[:first]]))


async def _call(options: argparse.Namespace, clips: list[corpus.Clip]) -> None:
    try:
        async with Caller(options.url) as caller:
            if options.greeted:
                await talk.greeted(caller)
            _say("connected")
            if await asyncio.to_thread(sys.stdin.readline):
                await _ask(caller, options, clips)
    except CallerError as error:
        _say("refused" if "(503)" in str(error) else str(error))


async def _ask(caller: Caller, options: argparse.Namespace, clips: list[corpus.Clip]) -> None:
    await asyncio.sleep(options.number * PHASE_S)
    cpu, began = time.process_time(), time.monotonic()
    for clip in clips:
        try:
            sample, _ = await talk.ask(caller, clip, whole=options.whole)
            _say(json.dumps({"question": sample}))
        except CallerError as error:
            _say(json.dumps({"error": str(error)}))
    _say(json.dumps({"cpu_percent": 100 * (time.process_time() - cpu) / (time.monotonic() - began)}))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
