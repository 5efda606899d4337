"""Results as one page that needs nothing else: the conversations to read and to listen to."""

import base64
from collections.abc import Sequence
from html import escape

from voiceagent.audio.encode import FORMATS, Encoder
from voiceagent.audio.pcm import Pcm
from voiceagent.evals.dialogue import Line, dialogue
from voiceagent.evals.report.terminal import answer_ms, summary
from voiceagent.evals.suite import Result
from voiceagent.evals.utterance import RATE

CODEC = "mp3"
"""What every browser plays."""
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: #2a8a3e; } .fail { color: #c62f2f; } .skipped, .note, .heard { opacity: .7; }
audio { width: 100%; margin: .5rem 0; } .agent td:last-child { padding-left: 2.5rem; }
tr[data-at] { cursor: pointer; } tr[data-at]:hover { background: #8882; } h2 { margin-top: 2.5rem; }
"""
_SCRIPT = """
for (const row of document.querySelectorAll("tr[data-at]")) row.onclick = () => {
  const audio = row.closest("section").querySelector("audio");
  if (audio) { audio.currentTime = Math.max(0, row.dataset.at - 0.3); audio.play(); }
};
"""
_POLICY = "default-src 'none'; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(results: Sequence[Result]) -> str:
    """Return the page."""
    rows = "".join(_row(result, number) for number, result in enumerate(results))
    sections = "".join(_section(result, number) for number, result in enumerate(results) if result.skipped is None)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>voiceagent evaluate</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
        f"<h1>{escape(summary(results))}</h1>\n"
        f"<table><tr><th></th><th>scenario</th><th>length</th><th>answers after</th></tr>{rows}</table>\n"
        f"{sections}<script>{_SCRIPT}</script></body></html>\n"
    )


def _row(result: Result, number: int) -> str:
    if result.skipped is not None:
        return (
            f'<tr class="skipped"><td>skipped</td><td>{escape(_title(result))}: {escape(result.skipped)}</td>'
            "<td></td><td></td></tr>"
        )
    answer = answer_ms(result.record)
    waited = "" if answer is None else f"{answer:,.0f} ms"
    return (
        f'<tr><td class="{_class(result)}">{_class(result)}</td>'
        f'<td><a href="#r{number}">{escape(_title(result))}</a></td>'
        f'<td class="n">{result.record.end:.1f} s</td><td class="n">{waited}</td></tr>'
    )


def _section(result: Result, number: int) -> str:
    listed = "".join(f'<li class="fail">{escape(failure)}</li>' for failure in result.failures)
    listed += "".join(f'<li class="note">{escape(note)}</li>' for note in result.notes)
    about = f"<p>{escape(result.written.scenario.about)}</p>" if result.written.scenario.about else ""
    audio = "" if result.record.audio is None else f'<audio controls src="{_sound(result.record.audio)}"></audio>'
    lines = "".join(map(_line, dialogue(result.record)))
    return (
        f'<section id="r{number}"><h2 class="{_class(result)}">{escape(_title(result))}</h2>{about}'
        f"<ul>{listed}</ul>{audio}<table>{lines}</table></section>\n"
    )


def _line(line: Line) -> str:
    return (
        f'<tr class="{line.who}" data-at="{line.at:.2f}"><td class="n">{line.at:.2f}</td><td>{line.who}</td>'
        f"<td>{escape(line.text)}</td></tr>"
    )


def _sound(pcm: Pcm) -> str:
    """Return sound as an address that holds it."""
    encoder = Encoder(CODEC, RATE)
    data = encoder.push(pcm) + encoder.finish()
    return f"data:{FORMATS[CODEC].media_type};base64,{base64.b64encode(data).decode()}"


def _title(result: Result) -> str:
    return result.name if result.number == 1 else f"{result.name} (repetition {result.number})"


def _class(result: Result) -> str:
    return "ok" if result.passed else "fail"
