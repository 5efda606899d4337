"""Compares the record of a conversation with its scenario, by rules. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from voiceagent.config.document import Loc
from voiceagent.evals.record import Call, Did, Event, Happened, Record, Response, Understood
from voiceagent.evals.scenario import ANY_TOOL, Expected, Scenario, Turn, Words
from voiceagent.evals.words import has, unmet

Engines = Literal["scripted", "real"]
MOST_SHOWN = 2
"""Of the events that are not what was expected."""
_KINDS: dict[str, type[Event]] = {"says": Response, "hears": Understood, "calls": Call}
_NOUNS = {"says": "the agent said nothing", "hears": "the agent understood nothing", "calls": "no tool was called"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one expectation."""

    loc: Loc
    """Where in the scenario it stands."""
    failure: str | None = None
    """What is wrong; None where it is met."""
    note: str | None = None
    """Why it was not looked at; it counts as neither."""


def check(scenario: Scenario, record: Record, engines: Engines, language: str = "en") -> list[Finding]:
    """Return what came of every expectation, in the scenario's order."""
    findings = [Finding((), record.trouble)] if record.trouble is not None else []
    for index, turn in enumerate(scenario.turns[: len(record.turns)]):
        language = turn.language or language
        findings += _Turn(record, turn, index, engines, language).findings()
    for number, phrase in enumerate(scenario.never):
        findings.append(Finding(("never", number), _said(record.of(Response), phrase, language)))
    if scenario.begins is not None and record.trouble is None:
        findings.append(Finding(("begins",), _begun(scenario.begins, record)))
    findings += _end(scenario, record, language)
    return findings


class _Turn:
    """The expectations of one turn."""

    def __init__(self, record: Record, turn: Turn, index: int, engines: Engines, language: str) -> None:
        begin = record.turns[index]
        end = record.turns[index + 1] if index + 1 < len(record.turns) else float("inf")
        self._record, self._turn, self._loc = record, turn, ("turns", index)
        self._engines, self._language = engines, language
        self._begin = begin
        self._did = next((one for one in record.of(Did) if one.turn == index), None)
        self._events = sorted(
            (one for one in record.events if begin <= one.at < end and not isinstance(one, Did)),
            key=lambda one: one.at,
        )

    def findings(self) -> Iterator[Finding]:
        """Yield what came of each."""
        after = self._begin
        left: list[Event] = [*self._events]
        for number, expected in enumerate(self._turn.expect):
            loc: Loc = (*self._loc, "expect", number)
            candidates = [one for one in left if expected.anywhere or _lasts_until(one) >= after]
            if expected.absent is not None:
                yield Finding(loc, _present(expected.absent, [one for one in candidates if one.at >= after]))
                continue
            found, failure = self._look(expected, candidates)
            if found is not None:
                left.remove(found)
                after = max(after, found.at)
            yield Finding(loc, failure)
        for number, phrase in enumerate(self._turn.never):
            said = (one for one in self._events if isinstance(one, Response))
            yield Finding((*self._loc, "never", number), _said(said, phrase, self._language))
        if self._turn.answered is not None:
            yield Finding((*self._loc, "answered"), self._answered(self._turn.answered))
        if self._turn.yields_within_ms is not None and self._did is not None:
            yield Finding((*self._loc, "yields_within_ms"), self._yields(self._turn.yields_within_ms, self._did))
        if self._did is not None and self._did.manner == "says" and not self._turn.may_cut_in:
            yield Finding((*self._loc, "may_cut_in"), self._cut_in(self._did))

    def _look(self, expected: Expected, candidates: Sequence[Event]) -> tuple[Event | None, str | None]:
        """Return the first event that is what was expected, and what is wrong with it."""
        wrong: list[str] = []
        for event in candidates:
            failure = self._unlike(expected, event)
            if failure is None:
                return event, self._late(expected, event)
            if failure:
                wrong.append(failure)
        if wrong := list(dict.fromkeys(wrong)):
            more = f"; and {len(wrong) - MOST_SHOWN} more" if len(wrong) > MOST_SHOWN else ""
            return None, "; ".join(wrong[:MOST_SHOWN]) + more
        return None, _NOUNS.get(expected.kind) or f"{expected.happens} did not happen"

    def _unlike(self, expected: Expected, event: Event) -> str | None:
        """Return how an event differs from what is expected, "" if it is of another kind, None if it does not."""
        match event:
            case Response() if expected.says is not None:
                why = self._unmet(expected, expected.says, _texts(event))
                if why is not None:
                    return f"the agent said {event.text or event.written!r}, which {why}"
                if expected.outcome is not None and event.outcome != expected.outcome:
                    return f"the response {event.text!r} was {event.outcome}, not {expected.outcome}"
                return None
            case Understood() if expected.hears is not None:
                why = self._unmet(expected, expected.hears, [event.text])
                return why and f"the agent understood {event.text!r}, which {why}"
            case Call() if expected.calls is not None:
                return _unlike_call(expected, event)
            case Happened() if expected.happens is not None:
                return None if event.what == expected.happens else ""
        return ""

    def _unmet(self, expected: Expected, words: Words, texts: list[str]) -> str | None:
        why = unmet(words, texts, self._language)
        if why is None and expected.scripted is not None and self._engines == "scripted":
            why = unmet(expected.scripted, texts, self._language)
        return why

    def _late(self, expected: Expected, event: Event) -> str | None:
        if expected.within_ms is None:
            return None
        since = self._begin
        if self._did is not None:
            since = self._did.end if expected.since == "speech_end" else self._did.at
        came = self._record.heard_at(event) if isinstance(event, Response) else event.at
        if came is None:
            return "it was never heard"
        took_ms = round((came - since) * 1000, 1)
        return None if took_ms <= expected.within_ms else f"came {_after(took_ms, expected.within_ms)}"

    def _answered(self, wanted: bool) -> str | None:
        responses = [one for one in self._events if isinstance(one, Response)]
        if wanted:
            return None if responses else "the agent did not answer"
        return f"the agent answered: {responses[0].text!r}" if responses else None

    def _yields(self, within_ms: int, did: Did) -> str | None:
        silent = self._record.silent_from(did.at)
        took_ms = round((silent - did.at) * 1000, 1)
        return None if took_ms <= within_ms else f"the agent was silent {_after(took_ms, within_ms)}"

    def _cut_in(self, did: Did) -> str | None:
        for response in (one for one in self._events if isinstance(one, Response)):
            heard = self._record.heard_at(response)
            if did.at < response.at < did.end and heard is not None and heard < did.end:
                return (
                    f"the agent began to speak {did.end - heard:.1f} s before the user had finished: {response.text!r}"
                )
        return None


def described(event: Event) -> str:
    """Return an event in words."""
    match event:
        case Response():
            return f"the agent said {event.text!r}"
        case Understood():
            return f"the agent understood {event.text!r}"
        case Call():
            arguments = ", ".join(f"{name}={value!r}" for name, value in (event.arguments or {}).items())
            return f"{event.name}({arguments})"
        case Happened():
            return event.what
    return event.text


def _after(took_ms: float, within_ms: int) -> str:
    return f"after {took_ms:,.0f} ms, not within {within_ms:,} ms"


def _lasts_until(event: Event) -> float:
    """Return when an event is over: what a response says comes after whatever happens while it lasts."""
    if isinstance(event, Response):
        return float("inf") if event.end is None else event.end
    return event.at


def _present(what: str, events: Sequence[Event]) -> str | None:
    kind = _KINDS.get(what, Happened)
    for event in events:
        if isinstance(event, kind) and (not isinstance(event, Happened) or event.what == what):
            return f"there was: {described(event)}"
    return None


def _texts(response: Response) -> list[str]:
    """Return what was heard of a response, as it is spoken and as it was written."""
    return [text for text in (response.text, response.written) if text] or [""]


def _unlike_call(expected: Expected, call: Call) -> str | None:
    if expected.calls not in (ANY_TOOL, call.name):
        return f"the agent called {described(call)}"
    wanted = expected.arguments or {}
    if wanted and call.arguments is None:
        return f"the arguments of {call.name} are not known through this door"
    given = call.arguments or {}
    for name, value in wanted.items():
        if name not in given or given[name] != value:
            has_it = repr(given[name]) if name in given else "none"
            return f"{described(call)}: {name} should be {value!r}, but is {has_it}"
    return None


def _said(responses: Iterator[Response], phrase: str, language: str) -> str | None:
    for response in responses:
        if has(response.text, phrase, language):
            return f"the agent said {phrase!r}: {response.text!r}"
    return None


def _begun(begins: str, record: Record) -> str | None:
    did = min((one.at for one in record.of(Did)), default=float("inf"))
    spoke = min((one.at for one in record.of(Response)), default=float("inf"))
    if begins == "agent":
        return None if spoke < did else "the user spoke first"
    return None if did <= spoke else "the agent spoke first"


def _end(scenario: Scenario, record: Record, language: str) -> Iterator[Finding]:
    end = scenario.end
    counted = {
        "user_turns": (end.user_turns, len(list(record.of(Understood)))),
        "responses": (end.responses, len(list(record.of(Response)))),
        "calls": (end.calls, len(list(record.of(Call)))),
    }
    for name, (wanted, there) in counted.items():
        if wanted is not None:
            yield Finding(("end", name), None if wanted == there else f"should be {wanted}, but is {there}")
    if end.outcomes is not None:
        outcomes = tuple(one.outcome for one in record.of(Response))
        wrong = f"should be {', '.join(end.outcomes)}, but is {', '.join(map(str, outcomes)) or 'none'}"
        yield Finding(("end", "outcomes"), None if outcomes == end.outcomes else wrong)
    for name in ("remembers", "history"):
        if record.history is None and getattr(end, name):
            yield Finding(("end", name), note="is not known through this door")
    if record.history is not None:
        told = " ".join(text for _, text in record.history)
        for number, phrase in enumerate(end.remembers):
            forgotten = None if has(told, phrase, language) else f"{phrase!r} is not in it: {told}"
            yield Finding(("end", "remembers", number), forgotten)
        if end.history is not None:
            yield Finding(("end", "history"), _history(scenario, record.history, language))


def _history(scenario: Scenario, history: list[tuple[str, str]], language: str) -> str | None:
    wanted = scenario.end.history or ()
    told = " | ".join(f"{'agent' if role == 'assistant' else role}: {text}" for role, text in history)
    if len(wanted) != len(history):
        return f"should have {len(wanted)} messages, but has {len(history)}: {told}"
    for one, (role, text) in zip(wanted, history, strict=True):
        words, who = (one.user, "user") if one.user is not None else (one.agent, "assistant")
        assert words is not None
        if role != who:
            return (
                f"should have a message of the {'agent' if who == 'assistant' else who} where it has {text!r}: {told}"
            )
        if (why := unmet(words, [text], language)) is not None:
            return f"{text!r} {why}"
    return None
