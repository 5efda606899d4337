"""A line chart as SVG, without a plotting library: callers along, milliseconds up, both in steps of doubling."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log2

Point = tuple[float, float]

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 130, 40, 45
COLOURS = ("#1b7f5c", "#c2452d", "#3d6fb4", "#8a6d1d", "#6b4ba1")


def line_chart(title: str, lines: Mapping[str, Sequence[Point]], limit: float, along: str, up: str) -> str:
    """Return a chart of lines of (x, y), all above 0, and a dashed one at `limit`. Raises ValueError for no points."""
    points = [point for line in lines.values() for point in line]
    if not points:
        raise ValueError("There is nothing to draw: every line is empty.")
    x_from, x_to = _octaves([x for x, _ in points])
    y_from, y_to = _octaves([limit, *(y for _, y in points)])

    def at(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (log2(x) - x_from) / (x_to - x_from) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (log2(y) - y_from) / (y_to - y_from) * (HEIGHT - TOP - BOTTOM)
        return round(right, 1), round(down, 1)

    parts = [_text(LEFT, 22, title, "start", 15), _text(LEFT, HEIGHT - 8, along, "start"), _text(6, 36, up, "start")]
    for octave in range(y_from, y_to + 1):
        left, down = at(2**x_from, 2**octave)
        parts += [_rule(left, down, WIDTH - RIGHT, down, "#ddd"), _text(LEFT - 6, down + 4, f"{2**octave:g}", "end")]
    for octave in range(x_from, x_to + 1):
        right, down = at(2**octave, 2**y_from)
        parts.append(_text(right, down + 16, f"{2**octave:g}", "middle"))
    _, down = at(2**x_from, limit)
    parts.append(_rule(LEFT, down, WIDTH - RIGHT, down, "#555", dashed=True))
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{right},{down}" for right, down in (at(*point) for point in line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT + 12, TOP + 18 * (number + 1), name, "start", 13, colour))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _octaves(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of two between which the values lie, at least one apart."""
    low = floor(log2(min(values)))
    return low, max(low + 1, ceil(log2(max(values))))


def _text(x: float, y: float, text: str, anchor: str, size: int = 12, colour: str = "#333") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"{dashes}/>'
