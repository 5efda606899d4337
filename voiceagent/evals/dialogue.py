"""A conversation as lines for people, and for a judge."""

from dataclasses import dataclass

from voiceagent.evals.check import described
from voiceagent.evals.record import Call, Did, Happened, Record, Response, Understood

_SHOWN = {"agent_pauses": "pauses", "agent_resumes": "goes on"}


@dataclass(frozen=True, slots=True)
class Line:
    """Who did what, and when, in seconds from the begin."""

    at: float
    who: str
    text: str


def dialogue(record: Record, *, until: float = float("inf")) -> list[Line]:
    """Return what was said and done before a time, in order."""
    lines: list[Line] = []
    for event in sorted(record.events, key=lambda one: one.at):
        if event.at >= until:
            break
        match event:
            case Did():
                lines.append(Line(event.at, "user", event.text if event.manner == "says" else _done(event)))
            case Understood():
                lines.append(Line(event.at, "heard", event.text))
            case Response():
                heard = record.heard_at(event)
                how = "" if event.outcome in ("completed", None) else f" [{event.outcome}]"
                lines.append(Line(event.at if heard is None else heard, "agent", (event.text or "(unheard)") + how))
            case Call():
                came = event.result if event.error is None else f"failed: {event.error}"
                lines.append(Line(event.at, "tool", described(event) + ("" if came is None else f" -> {came}")))
            case Happened(what=what) if what in _SHOWN:
                lines.append(Line(event.at, "agent", f"({_SHOWN[what]})"))
    return sorted(lines, key=lambda line: line.at)


def _done(did: Did) -> str:
    return f"({did.manner})" if did.manner == "coughs" else f"({did.manner}) {did.text}"
