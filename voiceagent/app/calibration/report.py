"""A calibration as tables for people."""

from collections.abc import Iterator, Sequence

from voiceagent.app.calibration.form import Calibration

HEADINGS = ("STEP", "SIZE", "STEPS", "HALF OF THEM", "3 OF 4", "7 OF 8")
SHOWN_EIGHTHS = (4, 6, 7)


def report(calibration: Calibration) -> str:
    """Return quantiles of the steps' durations, in ms, and how much the lanes slow each other down."""
    lanes = list(calibration.slowdowns)
    matrix = [("SLOWED", *(f"BY {lane.upper()}" for lane in lanes))]
    for lane in lanes:
        factors = calibration.slowdowns[lane]
        matrix.append((lane, *(f"{factors[other]:.2f}x" if other in factors else "-" for other in lanes)))
    return "\n".join([*_table([HEADINGS, *_steps(calibration)]), "", *_table(matrix)])


def _steps(calibration: Calibration) -> Iterator[tuple[str, ...]]:
    for kind, sizes in calibration.costs.items():
        for size, measured in sorted(sizes.items()):
            shown = (f"{measured.eighths_ms[eighth]:.2f} ms" for eighth in SHOWN_EIGHTHS)
            yield (kind, str(size), str(measured.steps), *shown)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
