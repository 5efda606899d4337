"""Who speaks when: does the agent yield, wait, and ignore what is not meant for it?

A caller talks over WebRTC to `voiceagent serve`, or, `--rehearsed`, in virtual time to a session with the same ears
(voice activity, recogniser, turn detector), a scripted voice, and a model that judges the caller's words and answers by
a script: the same call, faster, and the same in every run. What they say are recordings of people. They ask, let the
agent tell, are heard beside it in ways that are not meant for it (signs of attention, coughs, laughs and noises, talk
to and of others), and interrupt it with the next request:

- answers after: last speech sample sent -> first agent sample received;
- yields: of interruptions, those that end the answer while the caller speaks, and how soon the agent is silent;
- interrupts the user: of requests with a pause of 0.2 to 2 s in their midst, those into which the agent speaks;
- ignores: of signs of attention, tics, and talk of others, those after which it goes on where it was, or says nothing.

Everything is drawn from `--seed` and the round's number: `--only 3` plays the third round again.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks import form
from benchmarks.corpus import questions
from benchmarks.disturbances import Sound, backchannels, has_game, side_talk, tics
from benchmarks.rehearsed_line import rehearse
from benchmarks.rounds import Player, Sample
from benchmarks.script import STORIES, Round, places_in, write
from benchmarks.served import serving
from benchmarks.voices import Voices
from benchmarks.word_judge import WordJudge
from voiceagent.app.settings import load_settings
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.errors import VoiceAgentError
from voiceagent.evals import Run, evaluate, load_scenarios
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.testing.webrtc.line import Line

NAME = "interaction"
REQUESTS = 24
OWN = 16
"""Sentences of the caller that are not for the agent."""
ROUNDS, QUICK_STORIES = 10, 2
TELLING = (
    "session.greeting=''",
    "llm.system_prompt=You are a storyteller on the phone. Whatever you are told, tell a long story about it.",
    "llm.max_tokens=160",
)
"""So that there is something to disturb."""
STORY = """
There was a sailor who loved the sea more than anything else in the world. Every morning he walked down to the harbour
and looked at the waves. His ship was old and small, but it had carried him around the earth. One day he found a map
in a bottle on the beach. It showed an island that nobody had ever seen before. He packed bread and water for a month
and left before the sun came up. The wind was good, and the gulls followed him for a long way. After three weeks there
was land on the horizon, green and high. He anchored in a quiet bay and rowed to the shore. There he met a woman who
had drawn the map when she was a child.
""".strip()
"""What a scripted model tells."""
TARGETS = (
    form.Target("answer_ms_p50", 700),
    form.Target("yield_percent", 100, at_least=True),
    form.Target("yield_ms_p90", 300),
    form.Target("interrupts_user_percent", 3),
    form.Target("ignores_backchannels_percent", 97, at_least=True),
    form.Target("ignores_tics_percent", 90, at_least=True),
    form.Target("ignores_side_talk_percent", 85, at_least=True),
)
KINDS = {"backchannel": "backchannels", "tic": "tics", "side_talk": "side_talk"}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--config", default="cpu.yaml", help="settings of the server (default: cpu.yaml)")
    line.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one of them")
    line.add_argument("--url", help="measure a running server instead of starting one")
    line.add_argument("--seed", type=int, default=1, help="another seed is another caller (default: 1)")
    line.add_argument("--rounds", type=int, default=ROUNDS, help=f"calls of some {22} events (default: {ROUNDS})")
    line.add_argument("--only", type=int, nargs="+", metavar="ROUND", help="these rounds instead of all")
    line.add_argument("--append", action="store_true", help="add to the report at --json, in place of the same rounds")
    line.add_argument("--rehearsed", action="store_true", help="in virtual time, without a server")
    line.add_argument("--scenarios", action="store_true", help="hold the shipped scenarios, spoken, instead of calls")
    options = line.parse_args(arguments)
    if options.scenarios:
        return scenarios(options, arguments)
    numbers = options.only or range(1, 2 if options.quick else options.rounds + 1)
    voices = Voices(load_settings(options.config, options.set).settings)
    if not has_game():
        form.progress("without recorded laughs and cries: sudo apt install hedgewars-data")
    requests, sounds = questions(REQUESTS), gather(voices)
    stories = QUICK_STORIES if options.quick else STORIES
    breaks = {clip.name: places_in(clip, voices.hear) for clip in requests}
    rounds = [write(options.seed, number, requests, breaks, sounds, stories) for number in numbers]
    sets = [*TELLING, *options.set]
    report = form.Report(NAME, form.command(NAME, _lasting(arguments)))
    if options.rehearsed:
        judge = WordJudge(load_settings(options.config, sets).settings)
        samples = [sample for part in rounds for sample in rehearsed(part, voices, judge, options.config, sets)]
    else:
        with nullcontext(options.url) if options.url else serving(options.config, sets) as url:
            samples = asyncio.run(called(rounds, url))
    again = {str(number) for number in numbers}
    earlier = _earlier(options)
    kept = [event for event in earlier.get("events", []) if event["event"].split(".")[0] not in again]
    report.samples = {**earlier, "events": [*kept, *samples]}
    return conclude(report, options)


def scenarios(options: Any, arguments: Sequence[str]) -> int:
    """Hold the scenarios that come with voiceagent, spoken to the models of the configuration."""
    report = form.Report(NAME, form.command(NAME, _lasting(arguments)), samples=_earlier(options))
    run = Run(config=options.config, sets=tuple(options.set), real=True)
    report.samples["scenarios"] = [
        {"name": one.name, "skipped": one.skipped, "failures": one.failures}
        for one in evaluate(load_scenarios(), run, lambda one: form.progress(f"{one.name}: {one.failures or 'kept'}"))
    ]
    return conclude(report, options)


def conclude(report: form.Report, options: Any) -> int:
    """Sum up, write and print a report."""
    report.command += _rounds(report.samples.get("events", []), options)
    report.summary = summarise(report.samples.get("events", []), report.samples.get("scenarios", []))
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def gather(voices: Voices) -> list[Sound]:
    """Return everything that may disturb."""
    own = questions(REQUESTS + OWN)[REQUESTS:]
    return [*backchannels(voices.speak, voices.names), *tics(voices.speak, voices.names), *side_talk(own)]


async def called(rounds: Sequence[Round], url: str) -> list[Sample]:
    """Play rounds over WebRTC, each in a call of its own."""
    samples: list[Sample] = []
    for part in rounds:
        async with Caller(url) as caller:
            samples += await played(part, caller)
    return samples


def rehearsed(part: Round, voices: Voices, judge: WordJudge, config: str, sets: Sequence[str]) -> list[Sample]:
    """Play a round in virtual time."""

    async def on(line: Line) -> list[Sample]:
        return await played(part, line)

    llm = ScriptedLlm(lambda messages: STORY, ending=judge.ending, timing=SMALL_CPU, sleep=lambda seconds: None)
    return rehearse(on, *sets, config=config, llm=llm, **voices.ears())


async def played(part: Round, line: Line) -> list[Sample]:
    """Play a round on a line."""
    player = Player(line, part.number)
    await player.play(part)
    form.progress(f"round {part.number}: {len(player.samples)} events, {len(list(failures(player.samples)))} failed")
    return player.samples


def summarise(events: Sequence[Sample], held: Sequence[Sample] = ()) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    answers = [event for event in events if "answered" in event]
    times = [event["answer_ms"] for event in answers if event["answer_ms"] is not None]
    interruptions = [event for event in events if event["kind"] == "interruption"]
    yields = [event["yield_ms"] for event in interruptions if event["yield_ms"] is not None]
    paused = [event for event in answers if event["pause_s"]]
    summary: dict[str, float | int | None] = {
        **form.spread("answer_ms", times),
        "answer_count": len(answers),
        "no_answer_count": sum(not event["answered"] for event in answers),
        "yield_percent": form.ratio(sum(event["yielded"] for event in interruptions), len(interruptions)),
        **form.spread("yield_ms", yields),
        "interruption_count": len(interruptions),
        "interrupts_user_percent": form.ratio(sum(event["cut_in"] for event in paused), len(paused)),
        "paused_request_count": len(paused),
        "interrupts_user_without_pause_count": sum(event["cut_in"] for event in answers if not event["pause_s"]),
    }
    for kind, name in KINDS.items():
        heard = [event for event in events if event["kind"] == kind]
        summary[f"ignores_{name}_percent"] = form.ratio(sum(event["ignored"] for event in heard), len(heard))
        summary[f"{name}_count"] = len(heard)
        summary[f"{name}_recorded_count"] = sum(event["recorded"] for event in heard)
    sounds = [event for event in events if "ignored" in event]
    summary["event_count"] = len(answers) + len(interruptions) + len(paused) + len(sounds)
    summary["synthetic_count"] = sum(not event["recorded"] for event in sounds)
    spoken = [one for one in held if one["skipped"] is None]
    summary["scenarios_spoken_count"] = len(spoken)
    summary["scenarios_kept_count"] = sum(not one["failures"] for one in spoken)
    summary["error_count"] = sum(event["kind"] == "error" for event in events)
    return summary


def failures(events: Iterable[Sample]) -> Iterable[tuple[str, str, str, str]]:
    """Yield what went wrong: the event's number, its kind and name, what happened, what was understood."""
    for event in events:
        wrong = [
            words
            for words, is_so in (
                ("did not yield", event.get("yielded") is False),
                ("interrupted the caller", event.get("cut_in", False)),
                ("no answer", event.get("answered") is False),
                ("not ignored", event.get("ignored") is False),
                (event.get("error", ""), event["kind"] == "error"),
            )
            if is_so
        ]
        if wrong:
            pause = f", pause {event['pause_s']} s" if event.get("pause_s") else ""
            level = f", {event['level_db']} dB, {event['place']}" if "level_db" in event else ""
            what = f"{event['kind']} {event['name']}{pause}{level}"
            yield event["event"], what, ", ".join(wrong), event.get("understood", "")


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    wrong = list(failures(report.samples.get("events", [])))
    parts = [form.table(("event", "what", "", "understood"), wrong)] if wrong else []
    return "\n" + "\n\n".join([*parts, form.results(report.summary, TARGETS)])


def _lasting(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without those that say which part of the whole is played now."""
    kept = [argument for argument in arguments if argument not in ("--append", "--scenarios")]
    if "--only" in kept:
        first = kept.index("--only")
        last = next((n for n in range(first + 1, len(kept)) if not kept[n].isdigit()), len(kept))
        del kept[first:last]
    return kept


def _rounds(events: Iterable[Sample], options: Any) -> str:
    """Return the arguments that name the rounds which a report has, where it has not all of them."""
    played = sorted({int(event["event"].split(".")[0]) for event in events})
    whole = options.quick or not played or played == list(range(1, options.rounds + 1))
    return "" if whole else " ".join([" --only", *map(str, played)])


def _earlier(options: Any) -> dict[str, list[Any]]:
    """Return the samples of the report that is added to."""
    path: Path | None = options.json
    if not options.append or path is None or not path.exists():
        return {}
    samples: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))["samples"]
    return samples


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `serving`, so that no server is left behind
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
