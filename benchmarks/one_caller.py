"""One caller of the sessions benchmark, in a process of their own: connects, waits for the start signal, asks, reports.

    python -m benchmarks.one_caller URL --number 2 --questions 6

Every line on stdout is JSON. The first is {"greeting": "connected"}, "refused" (with the server's `code` and
`retry_after_s`), or what went wrong, and how many `refusals` there were: a caller refused by a busy server tries again
when it says, within a limit. It begins to ask at the first line of stdin; each question makes a line
{"question": ...} or {"error": ...}, the end {"cpu_percent": ...}. Then it hangs up. End of input ends the call before
its first question, and with `--endless`, which asks the same questions again and again, after the one under way.
Knows nothing of the other callers.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count, cycle
from math import inf
from typing import Any

from benchmarks import conversations as talk
from benchmarks import corpus
from voiceagent.testing.webrtc.caller import Caller, RefusedError
from voiceagent.testing.webrtc.line import CallerError, Line, Received

PHASE_S = 0.7
"""Callers who start together begin this much apart: neither in lockstep nor never overlapping."""


def main(arguments: Sequence[str]) -> None:
    """Make the call."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.one_caller")
    line.add_argument("url")
    line.add_argument("--number", type=int, default=0, help="which caller this is")
    line.add_argument("--questions", type=int, default=6)
    line.add_argument("--patience", type=float, default=0.0, help="seconds of trying again when the server is busy")
    line.add_argument("--longest", type=float, default=corpus.LONGEST_S, help="seconds of what is said")
    line.add_argument("--loss", type=float, default=0.0, help="share of the audio packets that are lost, 0 to 1")
    line.add_argument("--reorder", type=float, default=0.0, help="share of those that come after the next one")
    line.add_argument("--whole", action="store_true", help="hear every answer to its end")
    line.add_argument("--greeted", action="store_true", help="the agent begins the call")
    line.add_argument("--endless", action="store_true", help="ask on and on until the end of stdin")
    options = line.parse_args(arguments)
    clips = corpus.questions(options.questions, options.longest)
    first = options.number % len(clips)
    asyncio.run(_call(options, [*clips[first:], *clips[:first]]))


async def _call(options: argparse.Namespace, clips: list[corpus.Clip]) -> None:
    give_up = time.monotonic() + options.patience
    for refusals in count():
        try:
            async with Caller(options.url, loss=options.loss, reorder=options.reorder, seed=options.number) as caller:
                await _talk(caller, options, clips, refusals)
            return
        except RefusedError as error:
            wait_s = error.retry_after_s or inf
            if error.code != "server_busy" or time.monotonic() + wait_s > give_up:
                _say(greeting="refused", code=error.code, retry_after_s=error.retry_after_s, refusals=refusals + 1)
                return
            await asyncio.sleep(wait_s)
        except CallerError as error:
            _say(greeting=f"{type(error).__name__}: {error}", refusals=refusals)
            return


async def _talk(caller: Caller, options: argparse.Namespace, clips: list[corpus.Clip], refusals: int) -> None:
    if options.greeted:
        await talk.greeted(caller)
    _say(greeting="connected", refusals=refusals)
    if not await asyncio.to_thread(sys.stdin.readline):
        return
    if options.endless:
        told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await ask_all(caller, until(told.done, clips), whole=options.whole)
    else:
        await asyncio.sleep(options.number * PHASE_S)
        await ask_all(caller, clips, whole=options.whole)


async def ask_all(line: Line, clips: Iterable[corpus.Clip], *, whole: bool) -> None:
    """Ask one question after the other, and report on each."""
    cpu, began = time.process_time(), time.monotonic()
    for clip in clips:
        try:
            sample, _ = await talk.ask(line, clip, whole=whole)
            _say(question=sample)
        except CallerError as error:
            _say(error=str(error))
    percent = 100 * (time.process_time() - cpu) / (time.monotonic() - began)
    _say(cpu_percent=percent, stray_words=stray_words(line.messages))


def stray_words(messages: Iterable[Received]) -> int:
    """Return how many words were told of a response after another had begun: nobody may hear any of those."""
    newest = strays = 0
    for message in messages:
        if message.kind == "agent.segment":
            newest = max(newest, message.payload["generation"])
        elif message.kind == "agent.word":
            strays += message.payload["generation"] < newest
    return strays


def until(told: Callable[[], bool], clips: Sequence[corpus.Clip]) -> Iterator[corpus.Clip]:
    """Yield the clips again and again, until told to stop."""
    for clip in cycle(clips):
        if told():
            return
        yield clip


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
