"""The protocol's beta: the same events under older names, and a session without nesting. Clients ask for it by the
header `OpenAI-Beta: realtime=v1`, or by the WebSocket subprotocol `openai-beta.realtime-v1`.
"""

from collections.abc import Mapping
from typing import Any

EVENTS = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
UNKNOWN = ("conversation.item.done",)
"""Events that the beta does not have."""
CONTENTS = {"output_text": "text", "output_audio": "audio"}
FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_BETA_FORMATS = {name: beta for beta, name in FORMATS.items()}
_INPUT = {
    "input_audio_format": "format",
    "input_audio_transcription": "transcription",
    "input_audio_noise_reduction": "noise_reduction",
    "turn_detection": "turn_detection",
}
_OUTPUT = {"output_audio_format": "format", "voice": "voice", "speed": "speed"}
_RENAMED = {"modalities": "output_modalities", "max_response_output_tokens": "max_output_tokens"}


def from_beta(event: dict[str, Any]) -> dict[str, Any]:
    """Return a client's event as GA has it. What is not an object is left for the parser to refuse."""
    changed = dict(event)
    for field in ("session", "response"):
        if isinstance(event.get(field), dict):
            changed[field] = nested(event[field])
    return changed


def nested(session: dict[str, Any]) -> dict[str, Any]:
    """Return a beta session, or the options of a response, in the form of GA."""
    changed: dict[str, Any] = {}
    audio: dict[str, dict[str, Any]] = {"input": {}, "output": {}}
    for field, value in session.items():
        if field in _INPUT:
            audio["input"][_INPUT[field]] = _format(value) if field == "input_audio_format" else value
        elif field in _OUTPUT:
            audio["output"][_OUTPUT[field]] = _format(value) if field == "output_audio_format" else value
        elif field == "modalities" and isinstance(value, list) and "audio" in value:
            changed["output_modalities"] = ["audio"]
        else:
            changed[_RENAMED.get(field, field)] = value
    given = {side: fields for side, fields in audio.items() if fields}
    return {**changed, "audio": given} if given else changed


def to_beta(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return a server's event as the beta has it; None where it has none."""
    kind = event["type"]
    if kind in UNKNOWN:
        return None
    changed = {**event, "type": EVENTS.get(kind, kind)}
    if "item" in event:
        changed["item"] = _item(event["item"])
    for field in ("session", "response"):
        if field in event:
            changed[field] = _flat(event[field])
    return changed


def _format(name: object) -> object:
    return {"type": FORMATS[name]} if isinstance(name, str) and name in FORMATS else name


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    changed = dict(item)
    if "content" in item:
        changed["content"] = [{**part, "type": CONTENTS.get(part["type"], part["type"])} for part in item["content"]]
    return changed


def _flat(session: Mapping[str, Any]) -> dict[str, Any]:
    changed = {field: value for field, value in session.items() if field not in ("audio", "output_modalities", "type")}
    audio = session.get("audio", {})
    for beta, name in {**_INPUT, **_OUTPUT}.items():
        side = audio.get("input" if beta in _INPUT else "output", {})
        if name in side:
            value = side[name]
            changed[beta] = _BETA_FORMATS[value["type"]] if name == "format" else value
    modalities = session.get("output_modalities", ["audio"])
    changed["modalities"] = ["audio", "text"] if "audio" in modalities else ["text"]
    if "max_output_tokens" in changed and session.get("object") == "realtime.session":
        changed["max_response_output_tokens"] = changed.pop("max_output_tokens")
    if "output" in session:
        changed["output"] = [_item(item) for item in session["output"]]
    return changed
