"""One turn as a picture: its stages one below the other on one axis, and beneath them what the lanes ran meanwhile."""

from html import escape
from itertools import count

from voiceagent.trace.report.turns import Bar, Turn

LABEL, WIDTH, MARGIN = 150, 980, 24
"""In units of the picture: the names on the left, all of it, and what stays free on the right."""
ROW, LANE = 22, 14
"""The heights of a stage and of a lane."""
MOST_TICKS = 8
AFTER_MS = 400.0
"""What is shown beyond the last stage."""
BEFORE_MS = 1000.0
"""What is shown before the end of speech at most, where steps ran ahead of it."""
WORK = {
    "silence": "hears",
    "transcript": "hears",
    "turn decision": "hears",
    "first token": "thinks",
    "first segment": "thinks",
    "first audio": "speaks",
    "first packet": "speaks",
}
"""Whose work a stage is."""


def waterfall(turn: Turn) -> str:
    """Return the picture as SVG; "" for a turn without stages (typed words)."""
    if not turn.stages:
        return ""
    start = max(-BEFORE_MS, min(0.0, *(bar.start_ms for bar in turn.stages)))
    end = max(bar.end_ms for bar in turn.stages) + AFTER_MS
    scale = (WIDTH - LABEL - MARGIN) / (end - start)

    def x(ms: float) -> float:
        return LABEL + (min(max(ms, start), end) - start) * scale

    height = 18
    shapes: list[str] = []
    for bar in turn.stages:
        shapes += _stage(bar, x(bar.start_ms), x(bar.end_ms), height)
        height += ROW
    height += 6
    for lane, bars in turn.lanes.items():
        shown = [bar for bar in bars if bar.end_ms > start and bar.start_ms < end]
        shapes.append(_text(LABEL - 8, height + LANE - 4, lane, "name lane"))
        shapes += [_step(bar, x(bar.start_ms), x(bar.end_ms), height) for bar in shown]
        height += LANE + 2
    axis = [
        f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="14" y2="{height}" class="{"zero" if at == 0 else "tick"}"/>'
        + _text(x(at), 10, f"{at:,.0f}", "at")
        for at in _ticks(start, end)
    ]
    what = f"Turn {turn.number}: " + ", ".join(f"{bar.name} {bar.ms:.0f} ms" for bar in turn.stages)
    picture = "".join([*axis, *shapes])
    return f'<svg viewBox="0 0 {WIDTH} {height + 4}" role="img" aria-label="{escape(what)}">{picture}</svg>'


def _stage(bar: Bar, left: float, right: float, top: int) -> list[str]:
    width = max(2.0, right - left)
    fits_right = right + 64 < WIDTH
    label = _text(
        right + 6 if fits_right else left - 6, top + 15, f"{bar.ms:,.0f} ms", "ms" if fits_right else "ms left"
    )
    return [
        _text(LABEL - 8, top + 15, bar.name, "name"),
        f'<rect x="{left:.1f}" y="{top + 4}" width="{width:.1f}" height="{ROW - 8}" rx="3"'
        f' class="{WORK.get(bar.name, "tool")}"/>',
        label,
    ]


def _step(bar: Bar, left: float, right: float, top: int) -> str:
    kind = "missed" if bar.missed else "own" if bar.own else "others"
    title = escape(f"{bar.name}: {bar.ms:.1f} ms ({bar.note})")
    return (
        f'<rect x="{left:.1f}" y="{top}" width="{max(0.8, right - left):.1f}" height="{LANE}" class="step {kind}">'
        f"<title>{title}</title></rect>"
    )


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def _ticks(start: float, end: float) -> list[float]:
    """Return round times from start to end, zero among them."""
    sizes = (factor * 10**power for power in count() for factor in (1, 2, 5))
    step = next(size for size in sizes if (end - start) / size <= MOST_TICKS)
    first = -int(-start // step)
    return [number * step for number in range(first, int(end // step) + 1)]
