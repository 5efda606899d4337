"""When does a detector know that a turn is over? In the form of eot-bench: people cut off against dead air.

Recordings of people, with pauses put in where a word ends (`paused_turns`, `spoken_turns`); each silence is judged from
what was heard up to then. Every detector meets the same silences and the same grid of policies (`budget`): silence
alone, Smart Turn as it comes (8 s of sound) alone. Dead air is how long the policy holds, without the time to compute.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import form
from benchmarks.budget import TIMES_S, Array, Silences, by_kind, frontier, interval, operating_points, resamples, sweep
from benchmarks.fit_end_of_turn import SOUND_AT, is_dictated_so_far
from benchmarks.spoken_turns import spoken_turns
from benchmarks.turn_evidence import examine_all, parser
from voiceagent.app.conversation import conversation_config
from voiceagent.app.settings import default_settings
from voiceagent.errors import VoiceAgentError
from voiceagent.session.end_of_turn import SHORTEST_PAUSE_S, TAIL, end_log_odds, learn_pause, odds_of, stretch, wait_s
from voiceagent.session.rules import Rules

NAME = "end_of_turn"
TARGETS = (form.Target("cost_ms_per_100_ms", 5),)
COSTS_S = {"hasty": 0.5, "patient": 3.0}
"""What a cut-off may be worth by `turn.cut_off_cost_s`, beside what it is."""
ALONE_AT_S = "0.2"
"""Seconds of silence that a turn detector alone hears, as eot-bench's adapter has it."""


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = parser(NAME, str(__doc__))
    line.add_argument("--again", type=Path, metavar="REPORT", help="compare on the silences of an earlier report")
    options = line.parse_args(arguments)
    if options.again:
        return compare_again(options.again)
    report = form.Report(NAME, form.command(NAME, arguments))
    rows = examine_all(report, spoken_turns, options)
    report.summary = summarise(rows, report.samples)
    if options.json:
        report.write(options.json)
    print(show(report))
    return 0


def compare_again(path: Path) -> int:
    """Bring a report's summary up to date with the rules in force: nobody is listened to again."""
    report = json.loads(path.read_text(encoding="utf-8"))
    report["summary"] = summarise(report["samples"]["silences"], report["samples"])
    form.write_report(path, report)
    print(form.results(report["summary"], TARGETS))
    return 0


def summarise(rows: Sequence[Mapping[str, Any]], samples: dict[str, list[Any]]) -> dict[str, float | int | None]:
    """Return the flat summary; the best policies at each mean dead air go into the samples."""
    silences = silences_of(rows)
    turns = int(silences.turns.max()) + 1
    weights = resamples(turns)
    summary: dict[str, float | int | None] = {
        "turn_count": turns,
        "pause_count": int((~silences.ends).sum()),
        "speaker_count": len({row["speaker"] for row in rows}),
        "synthetic_turn_count": len({row["turn"] for row in rows if row["synthetic"]}),
    }
    kinds = np.array([row["kind"] for row in rows])[~silences.ends]
    for name, scores in scores_of(rows).items():
        found = sweep(silences, scores)
        samples["_".join(filter(None, ("frontier", name)))] = frontier(found, turns)
        for key, values in operating_points(found, weights).items():
            told = "_".join(filter(None, (*key.split("_")[:-1], name, key.split("_")[-1])))
            value, low, high = interval(values)
            summary |= {told: round(value, 1), f"{told}_low": round(low, 1), f"{told}_high": round(high, 1)}
        for kind, percent in by_kind(found, turns, kinds).items():
            summary["_".join(filter(None, ("cutoffs_300", name, kind, "percent")))] = percent
    return summary | sentences_alone(rows) | by_settings(rows)


def sentences_alone(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | int | None]:
    """Return the operating points where nobody dictates or hesitates: those who do are waited for to the limit."""
    turns: dict[int, int] = {}
    kept = [{**row, "turn": turns.setdefault(row["turn"], len(turns))} for row in rows if row["kind"] == "sentence"]
    if not kept:
        return {}
    silences, weights = silences_of(kept), resamples(len(turns))
    summary: dict[str, float | int | None] = {}
    for name, scores in scores_of(kept).items():
        values = operating_points(sweep(silences, scores), weights)
        for key in ("cutoffs_300_percent", "dead_air_5_ms"):
            told = "_".join(filter(None, ("sentences", *key.split("_")[:-1], name, key.split("_")[-1])))
            summary[told] = round(float(values[key][0]), 1)
    return summary


def silences_of(rows: Sequence[Mapping[str, Any]]) -> Silences:
    """Return what the sweep needs to know of every silence."""
    return Silences(
        np.array([row["turn"] for row in rows]),
        np.array([row["length_s"] for row in rows], np.float64),
        np.array([row["end"] for row in rows]),
    )


def scores_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Return each detector's scores, (silences, `TIMES_S`). Ours is named ""; "told" is ours if somebody told it when
    what is dictated is over: what is left to gain there.
    """
    alone = np.array([row["alone"][ALONE_AT_S] for row in rows])[:, np.newaxis]
    scores = ours(rows, our_log_odds(rows))
    over = np.array([row["end"] and is_dictated_so_far(row) for row in rows])[:, np.newaxis]
    return {
        "": scores,
        "told": np.where(over, np.inf, scores),
        "without_words": ours(rows, our_log_odds([{**row, "ending": None} for row in rows])),
        "smart_turn": np.where(np.array(TIMES_S) >= float(ALONE_AT_S), alone, np.nan),
        "silence": np.full((len(rows), len(TIMES_S)), np.nan),
    }


def our_log_odds(rows: Sequence[Mapping[str, Any]]) -> Array:
    """Return a session's log-odds that each silence is the end; to a piece of more they are fixed."""
    patience = odds_of(shipped().patience_s)
    return np.array(
        [
            patience
            if is_dictated_so_far(row)
            else end_log_odds(row["sound"][SOUND_AT], row["ending"], row["text"], "en")
            for row in rows
        ]
    )


def ours(rows: Sequence[Mapping[str, Any]], log_odds: Array) -> Array:
    """Return our scores: how dear cutting in may be for the answer to come, in the logarithm of seconds.

    As in a session, known pauses of the turn stretch those to come.
    """
    known = zip(log_odds, pauses_s(rows), strict=True)
    return np.array([[dearest_s(odds, pause_s, at) for at in TIMES_S] for odds, pause_s in known])


def pauses_s(rows: Sequence[Mapping[str, Any]]) -> Sequence[float]:
    """Return what a session knows in each silence of how long its speaker pauses, from the pauses of the turn."""
    known: list[float] = []
    for number, row in enumerate(rows):
        known.append(learn_pause(known[-1], rows[number - 1]["length_s"]) if row["pauses"] else 0.0)
    return known


def dearest_s(log_odds: float, pause_s: float, silent_s: float) -> float:
    """Return the logarithm of the cost of a cut-off, in seconds, at which an answer comes after this silence."""
    shortest = SHORTEST_PAUSE_S * stretch(pause_s)
    return float(log_odds - np.log(TAIL / shortest) + (TAIL + 1) * np.log(silent_s / shortest))


def by_settings(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | int | None]:
    """Return what a session does by the settings as they ship, and by others, and what it costs to ask the detector."""
    rules = shipped()
    silences = silences_of(rows)
    summary: dict[str, float | int | None] = {}
    for name, cost_s in {"shipped": rules.cut_off_cost_s, **COSTS_S}.items():
        waits = waits_s(rows, replace(rules, cut_off_cost_s=cost_s))
        summary |= {
            f"{name}_cutoffs_percent": round(100 * float((waits < silences.lengths_s)[~silences.ends].mean()), 1),
            f"{name}_dead_air_ms": round(1000 * float(waits[silences.ends].mean())),
            f"{name}_dead_air_ms_p50": round(1000 * float(np.median(waits[silences.ends]))),
        }
    ask_ms = float(np.mean([row["ask_ms"] for row in rows]))
    heard_s = float(np.minimum(waits_s(rows, rules), silences.lengths_s).sum())
    return summary | {
        "ask_ms_mean": round(ask_ms, 1),
        "cost_ms_per_100_ms": round(ask_ms * len(rows) / (10 * heard_s), 1),
    }


def waits_s(rows: Sequence[Mapping[str, Any]], rules: Rules) -> Array:
    """Return how long a session waits in each silence, in seconds."""
    known = zip(our_log_odds(rows), pauses_s(rows), strict=True)
    waits = [wait_s(float(odds), rules.cut_off_cost_s, pause_s, rules.max_wait_s) for odds, pause_s in known]
    return np.maximum(rules.stop_s, waits)


def shipped() -> Rules:
    """Return the rules of a session by the settings as they ship."""
    return conversation_config(default_settings()).rules


def show(report: form.Report) -> str:
    """Lay out the results for people."""
    return form.results(report.summary, TARGETS)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
