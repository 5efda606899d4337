"""The page of a file of turns: what it comes to, and the picture of each turn. One file of HTML without a script, which
loads nothing; its policy allows no more.
"""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from math import ceil

from voiceagent.trace.report.turns import Turn
from voiceagent.trace.report.waterfall import WORK, waterfall

MOST_TURNS = 500
"""Pictures on one page; the slowest are kept."""


def page(turns: Sequence[Turn], name: str, skipped: int = 0) -> str:
    """Return the HTML of a file's turns; `skipped` lines of it were none."""
    style = (files("voiceagent.trace.report") / "style.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
    shown = sorted(turns, key=_slowness, reverse=True)[:MOST_TURNS]
    kept = [turn for turn in turns if turn in shown] if len(turns) > MOST_TURNS else list(turns)
    notes = [f"{skipped} lines of the file are no turns."] if skipped else []
    notes += [f"The {MOST_TURNS} slowest of {len(turns)} turns are shown."] if len(turns) > MOST_TURNS else []
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(name)}</title><style>{style}</style></head><body><main>",
            f"<h1>{escape(name)}</h1>",
            _headline(turns),
            *(f'<p class="note">{escape(note)}</p>' for note in notes),
            _stages(turns),
            _slowest(shown[:5]),
            "<h2>Turns</h2>",
            '<p class="legend"><span class="hears">hears</span><span class="thinks">thinks</span>'
            '<span class="speaks">speaks</span><span class="tool">tool</span>'
            '<span class="own">a step for this answer</span>'
            '<span class="others">another step</span><span class="missed">late, or failed</span>'
            " Times in ms after the end of the user's speech.</p>",
            *(_turn(turn) for turn in kept),
            "</main></body></html>\n",
        ]
    )


def _headline(turns: Sequence[Turn]) -> str:
    waits = _waits(turns)
    outcomes = {turn.outcome: sum(other.outcome == turn.outcome for other in turns) for turn in turns}
    figures = [
        (f"{len(turns):,}", "turns"),
        (f"{len({turn.session for turn in turns}):,}", "sessions"),
        (_ms(_quantile(waits, 0.5)), "voice to voice, median"),
        (_ms(_quantile(waits, 0.95)), "95 of 100 within"),
        *((f"{count:,}", outcome) for outcome, count in sorted(outcomes.items())),
    ]
    cells = "".join(f"<div><dt>{escape(words)}</dt><dd>{escape(number)}</dd></div>" for number, words in figures)
    return f"<dl>{cells}</dl>"


def _stages(turns: Sequence[Turn]) -> str:
    rows = []
    for name, work in WORK.items():
        took = sorted(bar.ms for turn in turns for bar in turn.stages if bar.name == name)
        if took:
            cells = "".join(f"<td>{_ms(_quantile(took, q))}</td>" for q in (0.5, 0.95, 1.0))
            rows.append(f'<tr><th scope="row"><span class="{work}"></span>{name}</th>{cells}</tr>')
    head = "<tr><th>stage</th><th>median</th><th>95 of 100</th><th>longest</th></tr>"
    return f"<h2>Stages</h2><table>{head}{''.join(rows)}</table>" if rows else ""


def _slowest(turns: Sequence[Turn]) -> str:
    rows = [
        f'<li><a href="#{_anchor(turn)}">turn {escape(turn.number)} of {escape(turn.session)}</a>:'
        f" {_ms(turn.voice_to_voice_ms)}; its longest: {escape(max(turn.stages, key=lambda bar: bar.ms).name)}</li>"
        for turn in turns
        if turn.voice_to_voice_ms is not None and turn.stages
    ]
    return f"<h2>Slowest</h2><ol>{''.join(rows)}</ol>" if rows else ""


def _turn(turn: Turn) -> str:
    waited = "" if turn.voice_to_voice_ms is None else f"<b>{_ms(turn.voice_to_voice_ms)}</b>"
    early = {"used": "prepared ahead", "dropped": "what was prepared was dropped"}.get(turn.speculation, "")
    facts = " · ".join(filter(None, [turn.outcome, early, turn.time]))
    words = "".join(
        f'<p class="{who}">{escape(text)}</p>'
        for who, text in (("user", turn.user_text), ("agent", turn.agent_text))
        if text
    )
    picture = waterfall(turn) or '<p class="note">Typed, or unasked: nobody waited for the end of speech.</p>'
    title = f"turn {escape(turn.number)} <small>of {escape(turn.session)}</small> {waited}"
    return (
        f'<section id="{_anchor(turn)}"><h3>{title}</h3><p class="facts">{escape(facts)}</p>{words}{picture}</section>'
    )


def _anchor(turn: Turn) -> str:
    return escape("".join(sign if sign.isalnum() else "-" for sign in f"t{turn.session}-{turn.number}-{turn.time}"))


def _slowness(turn: Turn) -> float:
    return turn.voice_to_voice_ms if turn.voice_to_voice_ms is not None else -1.0


def _waits(turns: Sequence[Turn]) -> list[float]:
    return sorted(turn.voice_to_voice_ms for turn in turns if turn.voice_to_voice_ms is not None)


def _quantile(ordered: Sequence[float], quantile: float) -> float | None:
    """Return the smallest value that so large a part does not exceed."""
    return ordered[max(0, ceil(quantile * len(ordered)) - 1)] if ordered else None


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"
