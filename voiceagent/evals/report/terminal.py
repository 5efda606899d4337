"""A table of the results, and the dialogue of each conversation that failed."""

from collections.abc import Sequence

from voiceagent.evals.dialogue import dialogue
from voiceagent.evals.record import Did, Record, Response
from voiceagent.evals.suite import Result


def row(result: Result, width: int) -> str:
    """Return one line of the table; `width` is that of the longest name."""
    if result.skipped is not None:
        return f"  -  {result.name:{width}}  skipped: {result.skipped}"
    mark = "ok  " if result.passed else "FAIL"
    met = sum(one.failure is None and one.note is None for one in result.findings)
    looked_at = sum(one.note is None for one in result.findings)
    answer = answer_ms(result.record)
    waited = "" if answer is None else f"  answers after {answer:,.0f} ms"
    again = "" if result.number == 1 else f"  (repetition {result.number})"
    return f"{mark} {result.name:{width}}  {met:>3} of {looked_at}  {result.record.end:6.1f} s{waited}{again}"


def details(result: Result) -> list[str]:
    """Return what is wrong with a result, and the dialogue."""
    lines = [f"{result.name}:"]
    lines += [f"  {failure}" for failure in result.failures]
    lines += [f"  {line.at:7.2f}  {line.who:5}  {line.text}" for line in dialogue(result.record)]
    return lines


def summary(results: Sequence[Result]) -> str:
    """Return the last line."""
    run = [result for result in results if result.skipped is None]
    passed, notes = sum(result.passed for result in run), sum(len(result.notes) for result in run)
    parts = [f"{passed} of {len(run)} passed"]
    if len(run) < len(results):
        parts.append(f"{len(results) - len(run)} skipped")
    if notes:
        parts.append(f"{notes} expectations were not looked at (see --html or --junit)")
    return ", ".join(parts)


def answer_ms(record: Record) -> float | None:
    """Return the median time from the end of the user's speech to the first sound of an answer; None for no answers."""
    waits: list[float] = []
    for did in record.of(Did):
        following = min((one.at for one in record.of(Did) if one.at > did.at), default=float("inf"))
        for response in record.of(Response):
            heard = record.heard_at(response)
            if did.manner == "says" and did.end <= response.at < following and heard is not None:
                waits.append(heard - did.end)
                break
    return sorted(waits)[len(waits) // 2] * 1000 if waits else None
