"""Scenarios of `pipecat eval` (pipecat-ai 1.x, `pipecat.evals.script`) as ours, where they map.

What does not map is a mistake at its place, which says what to do. Judges and voices are chosen on our command line, so
that a file's `judge.eval`, `judge.transcription` and `user.speech` are passed over. `response`, `llm_response` and
`tts_response` are one thing here: what was heard.
"""

import re
from collections.abc import Iterator

from voiceagent.config.document import Node
from voiceagent.config.errors import Problem

TOP = {"name", "turns", "scenarios", "user", "judge", "context", "stop_on_failure", "trigger_disconnect"}
TURN = {"user", "audio", "dtmf", "expect", "send_after"}
EXPECTATION = {"event", "within_ms", "text_contains", "text_excludes", "calls", "name", "args", "eval", "absent"}
EXPECTATION |= {"check_from"}
SIMULATION = {"persona", "goal", "success", "metrics", "simulator", "max_turns", "max_duration_secs"}

SAYS = {"response", "llm_response", "tts_response"}
HAPPENS = {
    "user_started_speaking": "user_starts",
    "vad_user_started_speaking": "user_starts",
    "user_stopped_speaking": "user_stops",
    "vad_user_stopped_speaking": "user_stops",
    "bot_started_speaking": "agent_starts",
    "llm_started": "agent_starts",
    "bot_stopped_speaking": "agent_stops",
    "bot_interrupted": "agent_interrupted",
}
KEYS = "DTMF:"
"""How a transcript of keys begins there."""
EVENTS = SAYS | HAPPENS.keys() | {"user_transcription", "function_call"}


def is_pipecat(tree: Node) -> bool:
    """Return whether a file's keys are Pipecat's rather than ours."""
    keys = _mapping(tree)
    if keys.keys() & {"scenarios", "user", "judge", "context", "persona"}:
        return True
    events = (expected for turn in _items(keys.get("turns")) for expected in _items(_mapping(turn).get("expect")))
    return any("event" in _mapping(expected) for expected in events)


def translated(tree: Node, problems: list[Problem]) -> Iterator[Node]:
    """Yield a file's scenarios as trees of ours; what does not map is added to `problems`."""
    whole = _mapping(tree)
    defaults = {key: node for key, node in whole.items() if key != "scenarios"}
    entries = _items(whole["scenarios"]) if "scenarios" in whole else [tree]
    for entry in entries:
        keys = _mapping(entry)
        merged = {**defaults, **keys}
        if entry is not tree and "name" in keys and "name" in whole:
            merged["name"] = Node(f"{whole['name'].value}/{keys['name'].value}", keys["name"].origin)
        if simulated := next((key for key in merged if key in SIMULATION), None):
            why = "simulated callers are not read here: write the user's turns out, or run it with `pipecat eval`"
            problems.append(Problem(merged[simulated].origin, simulated, why))
            continue
        yield _Scenario(problems).translate(Node(merged, entry.origin))


class _Scenario:
    """One scenario; collects mistakes."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def translate(self, scenario: Node) -> Node:
        keys = _mapping(scenario)
        self._only(scenario, TOP, "a scenario")
        spoken = _mapping(keys.get("user")).get("modality")
        audio = spoken is not None and spoken.value == "audio"
        turns = [self._turn(turn, audio) for turn in _items(keys.get("turns"))]
        data = {key: keys[key] for key in ("name",) if key in keys}
        data["turns"] = Node(turns, keys["turns"].origin if "turns" in keys else scenario.origin)
        if "context" in keys:
            data["before"] = keys["context"]
        return Node(data, scenario.origin)

    def _turn(self, turn: Node, audio: bool) -> Node:
        keys = _mapping(turn)
        if "image" in keys:
            self._problem(keys["image"], "image", "pictures are not read here: run it with `pipecat eval`")
        self._only(turn, TURN | {"image"}, "a turn")
        data: dict[str, Node] = {}
        if "user" in keys:
            data["user" if audio else "types"] = keys["user"]
        if "audio" in keys:
            data["audio"] = keys["audio"]
            if not audio:
                self._problem(keys["audio"], "audio", "needs user: {modality: audio}")
        if "dtmf" in keys:
            data["keys"] = keys["dtmf"]
        if "send_after" in keys:
            data |= self._send_after(keys["send_after"])
        expected = [one for item in _once(_items(keys.get("expect"))) for one in self._expected(item)]
        data["expect"] = Node(expected, keys["expect"].origin if "expect" in keys else turn.origin)
        return Node(data, turn.origin)

    def _send_after(self, node: Node) -> dict[str, Node]:
        keys = _mapping(node)
        self._only(node, {"event", "delay_ms"}, "send_after")
        delay = keys.get("delay_ms", Node(0, node.origin))
        event = keys.get("event")
        if event is None:
            return {"after_ms": delay}
        if HAPPENS.get(str(event.value)) != "agent_starts":
            why = f"should be bot_started_speaking or llm_started here, but is {event.value!r}; others are not read"
            self._problem(event, "send_after.event", why)
        return {"cut_in": Node({"after_ms": delay}, node.origin)}

    def _expected(self, item: Node) -> Iterator[Node]:
        keys = _mapping(item)
        event = keys.get("event")
        if event is None or event.value not in EVENTS:
            named = "is missing" if event is None else f"{event.value!r} is not read here"
            why = f"{named}: use one of {', '.join(sorted(EVENTS))}, or run it with `pipecat eval`"
            self._problem(event or item, "event", why)
            return
        self._only(item, EXPECTATION, "an expectation")
        data = self._common(keys, item)
        name = str(event.value)
        if name == "function_call" and "absent" not in data:
            for call in self._calls(keys, item):
                yield Node(data | call, item.origin)
            return
        happening = HAPPENS.get(name)
        kind = "says" if name in SAYS else "hears" if name == "user_transcription" else "calls"
        if "absent" in data:
            if keys["absent"].value is not True:
                del data["absent"]
            else:
                yield Node(data | {"absent": Node(happening or kind, event.origin)}, item.origin)
                return
        if happening is not None:
            if happening.startswith("user_"):  # there it comes with the transcript
                data["anywhere"] = Node(True, item.origin)
            yield Node(data | {"happens": Node(happening, event.origin)}, item.origin)
            return
        words: dict[str, Node] = {}
        for theirs, ours in (("text_contains", "contains"), ("text_excludes", "absent")):
            if (text := keys.get(theirs)) is None:
                continue
            if kind == "hears" and isinstance(text.value, str) and text.value.startswith(KEYS):
                ours, text = "matches", Node(_keys(text.value), text.origin)
            words[ours] = text
        yield Node(data | {kind: Node(words, item.origin)}, item.origin)

    def _common(self, keys: dict[str, Node], item: Node) -> dict[str, Node]:
        data: dict[str, Node] = {}
        for theirs, ours in (("within_ms", "within_ms"), ("eval", "judged"), ("absent", "absent")):
            if theirs in keys:
                data[ours] = keys[theirs]
        if "within_ms" in keys and "absent" not in keys:
            data["since"] = Node("speech_start", item.origin)
        if "check_from" in keys:
            data["anywhere"] = Node(keys["check_from"].value == "turn_start", item.origin)
        return data

    def _calls(self, keys: dict[str, Node], item: Node) -> Iterator[dict[str, Node]]:
        several = "calls" in keys
        for call in _items(keys["calls"]) if several else [item]:
            of = _mapping(call)
            name = call if isinstance(call.value, str) else of.get("name", Node("*", call.origin))
            found = {"calls": name}
            if "args" in of:
                found["arguments"] = of["args"]
            if several:
                found["anywhere"] = Node(True, call.origin)
            yield found

    def _only(self, node: Node, known: set[str], what: str) -> None:
        for key, child in _mapping(node).items():
            if key not in known:
                why = f"is not read in {what} of `pipecat eval`; read are {', '.join(sorted(known))}"
                self._problem(child, key, why)

    def _problem(self, node: Node, key: str, message: str) -> None:
        self._problems.append(Problem(node.origin, key, message))


def _once(expected: list[Node]) -> list[Node]:
    """Return a turn's expectations without the second name of what happens only once here."""
    kept: list[Node] = []
    seen: set[str] = set()
    for item in expected:
        event = _mapping(item).get("event")
        happening = HAPPENS.get(str(event.value)) if event is not None else None
        if happening is None or happening not in seen or "absent" in _mapping(item):
            kept.append(item)
        seen |= {happening} if happening is not None else set()
    return kept


def _keys(text: str) -> str:
    """Return a pattern for what a model is told of keys, which is worded otherwise here."""
    return r"\s*".join(map(re.escape, text.removeprefix(KEYS).strip()))


def _mapping(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _items(node: Node | None) -> list[Node]:
    return node.value if node is not None and isinstance(node.value, list) else []
