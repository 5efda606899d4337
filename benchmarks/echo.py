"""Talking without a headset: does the agent hear itself, and does it hear the person who cuts in?

First on a simulated room, sample by sample: the same on every machine, however busy it is. Then, with `--minutes`, in
the echo room: a private PulseAudio without a sound card, a room with an impulse response, human recordings as the
person, and `voiceagent talk`'s own door, in real time. A live run is only valid on a quiet machine: every gap in the
sound moves the echo. It says so itself: `valid` is 0 where there was one.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from benchmarks import corpus, form
from benchmarks.echo_room.answering import at_the_loudspeaker, over_webrtc
from benchmarks.echo_room.cancelling import SCENARIOS, Ears, make_scene, measure
from benchmarks.echo_room.live import converse, direct
from benchmarks.echo_room.visit import devices
from voiceagent.app.settings import load_settings
from voiceagent.local.echo import EchoCanceller

NAME = "echo"
CLIPS, QUICK_CLIPS = 14, 3
QUICK = ("equal",)
LEVELS_DB = (-6.0, 0.0)
"""Gains from loudspeaker to microphone. hibari speaks at about -26 dBFS, and so loud is the person at the microphone:
an echo 6 dB below the person, and one as loud. `--echo-db` takes others."""
TROUBLES = ("underruns", "starved", "overruns", "room_blocks_dropped")
"""What a busy machine does to the sound."""
WORDS = {True: "met", False: "missed", None: ""}
TARGETS = (
    form.Target("erle_db", 30, at_least=True),
    form.Target("self_interruptions", 0),
    form.Target("barge_in_ms_p90", 300),
    form.Target("wer_double_talk", 12),
    form.Target("answer_ms_beyond_webrtc", 60),
)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status: 1 where a live run is not valid."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--minutes", type=float, default=0.0, help="talk so long in the echo room, at each level")
    line.add_argument("--echo-db", type=float, nargs="+", default=LEVELS_DB, help="loudspeaker to microphone")
    line.add_argument("--live-only", action="store_true", help="no simulated room")
    line.add_argument("--answers", type=int, default=0, help="questions asked in the room, and over WebRTC")
    line.add_argument("--busy-core", action="store_true", help="keep one core of the machine busy meanwhile")
    options = line.parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    ears = Ears(load_settings("cpu.yaml", []).settings)
    if not options.live_only:
        report.samples["simulated"] = simulated(ears, quick=options.quick)
    with busy_core() if options.busy_core else nullcontext():
        if options.minutes:
            report.samples["live"] = live(ears, options.minutes, options.echo_db)
        if options.answers:
            report.samples["answers"] = [answers(corpus.questions(options.answers))]
    report.summary = summarise(report.samples)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 1 if report.summary.get("valid") == 0 else 0


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy, as another program of the machine would."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def simulated(ears: Ears, *, quick: bool) -> list[dict[str, Any]]:
    """Run the simulated room, the agent yielding to the person as it does in a conversation."""
    scene = make_scene(ears.playback, QUICK_CLIPS if quick else CLIPS, yields=True)
    return [measure(scene, name, EchoCanceller(), ears, words=True) for name in (QUICK if quick else SCENARIOS)]


def live(ears: Ears, minutes: float, levels_db: Sequence[float]) -> list[dict[str, Any]]:
    """Talk in the echo room, at one level after the other."""
    runs = []
    for echo_db in levels_db:
        with devices() as server:
            run = asyncio.run(converse(server, minutes, echo_db))
        run["direct"] = {kind: direct(ears, run["acts"], kind) for kind in ("barge_in", "alone")}
        runs.append(run)
    return runs


def answers(clips: Sequence[corpus.Clip]) -> dict[str, Any]:
    """Ask the same questions in the echo room and over WebRTC, in turn: by WebRTC before and after."""
    before = over_webrtc(clips)
    with devices() as server:
        room = asyncio.run(at_the_loudspeaker(server, clips))
    return room | {"webrtc_ms": before + over_webrtc(clips)}


def summarise(samples: dict[str, list[Any]]) -> dict[str, float | int | None]:
    """Return the flat summary: of the live runs where there are any, otherwise of an echo as loud as the person."""
    runs, rooms = samples.get("live", []), samples.get("simulated", [])
    equal = next((room for room in rooms if room["scenario"] == "equal"), None)
    summary: dict[str, float | int | None] = {}
    for room in rooms:
        key = room["scenario"].replace(" ", "_").replace("-", "minus_")
        summary |= {f"{key}_{name}": room[name] for name in ("erle_db", "converged_s", "wer_double_talk")}
        summary[f"{key}_false_onsets"] = len(room["false_onsets"])
        summary[f"{key}_barge_in_ms_p90"] = form.percentile(_known(room["barge_in_ms"]), 90)
    for asked in samples.get("answers", []):
        summary |= _of_answers(asked)
    if runs:
        return summary | _of_runs(runs)
    if equal is not None:
        summary |= {key: equal[key] for key in ("erle_db", "wer_double_talk")}
        summary["self_interruptions"] = len(equal["false_onsets"])
        summary["barge_in_ms_p90"] = summary["equal_barge_in_ms_p90"]
    return summary


def _of_answers(asked: dict[str, Any]) -> dict[str, float | int | None]:
    room, webrtc = (form.percentile(_known(asked[key]), 50) for key in ("answers_ms", "webrtc_ms"))
    devices_ms = asked["devices_ms"]
    known = room is not None and webrtc is not None and devices_ms is not None
    return {
        "answer_ms_p50": room,
        "answers_missed": sum(value is None for value in asked["answers_ms"]),
        "devices_ms": devices_ms,
        "webrtc_answer_ms_p50": webrtc,
        "answer_ms_beyond_webrtc": round(room - devices_ms - webrtc, 1) if known else None,
        **{f"answers_{name}": asked[name] for name in TROUBLES},
        "valid": int(not any(asked[name] for name in TROUBLES)),
    }


def _of_runs(runs: list[dict[str, Any]]) -> dict[str, float | int | None]:
    acts = [act for run in runs for act in run["acts"]]
    barge_ins = [act for act in acts if act["kind"] == "barge_in"]
    coughs = [act for act in acts if act["kind"] == "cough"]
    alone = [act for act in acts if act["kind"] == "alone"]
    directly = [sum(run["direct"]["alone"][index] for run in runs) for index in range(2)]
    return {
        "minutes": round(sum(run["minutes"] for run in runs), 1),
        "erle_db": form.percentile([db for run in runs for db in run["erle_db"]], 50),
        "self_interruptions": sum(len(run["self_interruptions"]) for run in runs),
        "self_pauses": sum(len(run["self_pauses"]) for run in runs),
        "barge_ins": len(barge_ins),
        "barge_ins_missed": sum(not act["ended"] for act in barge_ins),
        **form.spread("barge_in_ms", _known([act["silent_ms"] for act in barge_ins])),
        "coughs": len(coughs),
        "coughs_that_ended_it": sum(act["ended"] for act in coughs),
        "wer_double_talk": _wer(barge_ins),
        "wer_alone": _wer(alone),
        "wer_direct": form.ratio(*directly),
        **{name: sum(run[name] for run in runs) for name in TROUBLES},
        "valid": int(not any(run[name] for run in runs for name in TROUBLES)),
    }


def _known(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _wer(acts: list[dict[str, Any]]) -> float | None:
    return form.ratio(sum(act["errors"] for act in acts), sum(act["words"] for act in acts))


def show(report: form.Report) -> str:
    """Return the results as tables."""
    rooms = [
        (
            room["scenario"],
            room["erle_2_s_db"],
            room["erle_db"],
            room["converged_s"],
            len(room["false_onsets"]),
            f"{room['barge_ins_heard']}/{room['barge_ins']}",
            form.percentile(_known(room["barge_in_ms"]), 90),
            room["wer_double_talk"],
            room["wer_alone"],
            room["us_per_10_ms"],
        )
        for room in report.samples.get("simulated", [])
    ]
    headings = ("echo", "ERLE 2 s", "ERLE", "20 dB s", "false", "heard", "P90 ms", "WER over", "WER alone", "us/10 ms")
    parts = [form.table(headings, rooms)] if rooms else []
    if report.samples.get("live") or report.samples.get("answers"):
        met = {target.key: target.met(report.summary) for target in TARGETS}
        lines = [(key, value, WORDS[met.get(key)]) for key, value in report.summary.items()]
        parts.append(form.table(("echo room", "", ""), lines))
        if not report.summary["valid"]:
            parts.append(
                "NOT VALID: the machine was too busy, and the sound had gaps. Run it again while nothing else runs."
            )
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
