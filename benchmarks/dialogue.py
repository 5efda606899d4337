"""What is said in a long call: 24 ordinary questions, spoken, one after the other, and the answers, to be read.

A voice asks them over WebRTC, as in `voice_to_voice`; reported is how many replies differ, how many share a run of
six words, how many are about the question as it was heard (`benchmarks/replies.py`), and how long each was waited for.
The dialogue is printed: numbers alone have been green while every answer was the same.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from benchmarks import conversations as talk
from benchmarks import form, replies
from benchmarks.corpus import Clip, prepare
from benchmarks.ordinary import LISTS
from benchmarks.playback import Playback
from benchmarks.served import serving
from voiceagent.app.settings import load_settings
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.webrtc.caller import Caller

NAME = "dialogue"
TARGETS = (
    form.Target("distinct_replies_percent", 95, at_least=True),
    form.Target("replies_sharing_a_run_max", 2),
    form.Target("on_topic_percent", 66, at_least=True),
)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    line.add_argument("--list", choices=sorted(LISTS), default="one", help="which questions (default: one)")
    line.add_argument("--typed", action="store_true", help="type the questions instead of speaking them")
    options = line.parse_args(arguments)
    settings = load_settings(options.config, options.set).settings
    questions = LISTS[options.list][: 4 if options.quick else None]
    voice = Playback(settings)
    clips = [
        Clip(f"{options.list} {number}", text, prepare(voice.speak(text))) for number, text in enumerate(questions)
    ]
    report = form.Report(NAME, form.command(NAME, arguments))
    with nullcontext(options.url) if options.url else serving(options.config, options.set) as url:
        report.samples["questions"] = asyncio.run(
            call(url, clips, greets=bool(settings.session.greeting), typed=options.typed)
        )
    exchanges = [(sample["heard"], sample["reply"]) for sample in report.samples["questions"]]
    verdicts = replies.judge().on_topic(exchanges)
    for sample, verdict in zip(report.samples["questions"], verdicts, strict=True):
        sample["on_topic"] = verdict
    times = [sample["v2v_ms"] for sample in report.samples["questions"] if sample["v2v_ms"] is not None]
    report.summary = replies.summary([reply for _, reply in exchanges], verdicts) | form.spread("v2v_ms", times)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


async def call(url: str, clips: Sequence[Clip], *, greets: bool, typed: bool) -> list[dict[str, Any]]:
    """Ask every question in one call; return for each what was heard, replied and measured."""
    samples = []
    async with Caller(url) as caller:
        if greets:
            await talk.greeted(caller)
        for number, clip in enumerate(clips, 1):
            mark = len(caller.messages)
            if typed:
                caller.send({"type": "text", "text": clip.text})
                await caller.until(partial(talk.ended, caller, mark), talk.SPEECH_S, "the end of the answer")
                v2v_ms = None
            else:
                v2v_ms = (await talk.ask(caller, clip))[0]["v2v_ms"]
            end = talk.ended(caller, mark)
            reply = "" if end is None else " ".join(talk.announced(caller, end.payload["generation"]))
            heard = " ".join({m.payload["turn"]: m.payload["text"] for m in caller.since(mark, "user.final")}.values())
            samples.append({"asked": clip.text, "heard": heard, "reply": reply, "v2v_ms": v2v_ms})
            form.progress(f"{number}/{len(clips)}  {clip.text}\n   heard: {heard}\n   reply: {reply}")
    return samples


def show(report: form.Report) -> str:
    """Lay out the dialogue and the results for people."""
    return f"\n{replies.show(report.samples['questions'])}\n\n{form.results(report.summary, TARGETS)}"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
