"""From raw samples of the voice-to-voice benchmark to its summary and its table of stages. Pure."""

from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks.form import Target, percentile, ratio, spread

TARGETS = (
    Target("v2v_ms_p50", 700),
    Target("v2v_ms_p90", 1200),
    Target("barge_in_ms_p90", 300),
    Target("cough_resumed_percent", 100, at_least=True),
    Target("wer_percent", 7),
    Target("wer_percent_loss5", 12),
    Target("gap_ms_max", 20),
    Target("lag_ms_max_loss5", 120),
)

Samples = dict[str, list[Any]]


def summarise(samples: Samples) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""
    return {
        **_questions(samples.get("questions", [])),
        **_pauses(samples.get("pauses", [])),
        **_answers(samples),
        **_disturbances(samples.get("barge_ins", []), samples.get("coughs", [])),
        **_understanding(samples),
        "error_count": len(samples.get("errors", [])),
    }


def stage_rows(samples: Samples) -> list[tuple[str, float, float, float]]:
    """Return for each stage of the wait: name, and the medians of when it began, ended, and how long it took, in ms.

    The clock starts at the end of speech as the server heard it. The last row is what the listener waited beyond that:
    the way there and back, and how much later the server believes speech to have ended.
    """
    asked = [sample for sample in samples.get("questions", []) if sample["trace"] and sample["v2v_ms"] is not None]
    names = dict.fromkeys(span["name"] for sample in asked for span in sample["trace"]["spans"])
    rows = []
    for name in names:
        spans = [span for sample in asked for span in sample["trace"]["spans"] if span["name"] == name]
        starts, ends = [span["start_ms"] for span in spans], [span["end_ms"] for span in spans]
        takes = [end - start for start, end in zip(starts, ends, strict=True)]
        rows.append((name, round(median(starts), 1), round(median(ends), 1), round(median(takes), 1)))
    known = [sample for sample in asked if sample["trace"]["voice_to_voice_ms"] is not None]
    if known:
        server = median(sample["trace"]["voice_to_voice_ms"] for sample in known)
        listener = median(sample["v2v_ms"] for sample in known)
        beyond = median(sample["v2v_ms"] - sample["trace"]["voice_to_voice_ms"] for sample in known)
        rows.append(("at the listener", round(server, 1), round(listener, 1), round(beyond, 1)))
    return rows


def _questions(asked: list[Any]) -> dict[str, float | int | None]:
    traces = [sample["trace"] for sample in asked if sample["trace"]]
    return {
        **spread("v2v_ms", [sample["v2v_ms"] for sample in asked if sample["v2v_ms"] is not None]),
        "question_count": len(asked),
        "no_answer_count": sum(sample["outcome"] is None for sample in asked),
        "cut_in_count": sum(sample["cut_in"] for sample in asked),
        "speculation_used_percent": ratio(sum(trace["speculation"] == "used" for trace in traces), len(traces)),
    }


def _pauses(said: list[Any]) -> dict[str, float | int | None]:
    return {
        "false_cutoff_percent": ratio(sum(sample["cut_off"] for sample in said), len(said)),
        "paused_turn_count": len(said),
        **spread("v2v_ms_after_a_pause", [sample["v2v_ms"] for sample in said if sample["v2v_ms"] is not None]),
    }


def _answers(samples: Samples) -> dict[str, float | int | None]:
    answers = samples.get("answers", [])
    asked = samples.get("questions", [])
    late = [ms for sample in asked for ms in (0.0, *sample["stalls_ms"])]
    segments = [segment for answer in answers for segment in answer["segments"]]
    holes = [segment["hole_ms"] for segment in segments if segment["found"]]
    return {
        "gap_ms_max": _largest([*late, *holes]),
        "gap_late_packet_ms_max": _largest(late),
        "gap_hole_ms_max": _largest(holes),
        "segments_found_percent": ratio(sum(bool(segment["found"]) for segment in segments), len(segments)),
        **spread("between_segments_ms", [gap for answer in answers for gap in answer["between_ms"]]),
        "agent_wer_percent": wer(answers),
    }


def _disturbances(barge_ins: list[Any], coughs: list[Any]) -> dict[str, float | int | None]:
    times = [sample["barge_in_ms"] for sample in barge_ins if sample["barge_in_ms"] is not None]
    resumed = sum(sample["outcome"] == "completed" for sample in coughs)
    return {
        **spread("barge_in_ms", times),
        "barge_in_count": len(barge_ins),
        "barge_in_missed_count": sum(s["barge_in_ms"] is None and not s["in_pause"] for s in barge_ins),
        "cough_count": len(coughs),
        "cough_paused": sum(sample["paused"] for sample in coughs),
        "cough_resumed": resumed,
        "cough_resumed_percent": ratio(resumed, len(coughs)),
        "cough_away_ms_p50": percentile([s["away_ms"] for s in coughs if s["away_ms"] is not None], 50),
    }


def _understanding(samples: Samples) -> dict[str, float | int | None]:
    lags = samples.get("prompts_loss5_lag_ms", [])
    third = len(lags) // 3
    early, late = percentile(lags[:third], 90), percentile(lags[-third:] if third else [], 90)
    packets = samples.get("prompts_loss5_packets", [])
    clean = samples.get("prompts") or samples.get("questions", [])  # a quick run has questions only
    return {
        "wer_percent": wer(clean),
        "wer_percent_loss5": wer(samples.get("prompts_loss5", [])),
        "prompt_count": len(clean),
        "prompt_count_loss5": len(samples.get("prompts_loss5", [])),
        "loss_percent": ratio(sum(p["dropped"] for p in packets), sum(p["sent"] for p in packets)),
        "lag_ms_max": _largest(samples.get("prompts_lag_ms", [])),
        "lag_ms_max_loss5": _largest(lags),
        "lag_ms_growth_loss5": None if early is None or late is None else round(late - early, 1),
    }


def wer(samples: Iterable[Any]) -> float | None:
    """Return the word error rate over all samples, in percent."""
    taken = list(samples)
    return ratio(sum(sample["errors"] for sample in taken), sum(sample["words"] for sample in taken))


def _largest(values: list[float]) -> float | None:
    return round(max(values), 1) if values else None
