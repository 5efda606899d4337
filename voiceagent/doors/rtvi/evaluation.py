"""What `pipecat eval` says besides RTVI: client messages whose `t` begins with `eval-`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from voiceagent.doors.rtvi.desk import Desk
from voiceagent.doors.rtvi.envelope import Request, RequestRefusedError
from voiceagent.doors.rtvi.narrator import Narrator
from voiceagent.session.coordinator import Session

CONNECT, CONTEXT, CONFIGURE, CANCEL = "eval-connect", "eval-context", "eval-configure", "eval-cancel"
ROLES: tuple[Literal["user"], Literal["assistant"]] = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class Flags:
    """What an evaluation wants of its connection."""

    skip_tts: bool = False
    """Responses are text only."""
    capture_bot_audio: bool = False
    """The agent's voice is sent."""


def flags_of(given: Mapping[str, Any]) -> Flags:
    """Return the flags in the data of `eval-connect`, or in the query of the address."""
    yes = (True, "1", "true", "yes")
    return Flags(given.get("skip_tts") in yes, given.get("capture_bot_audio") in yes)


def kind_of(request: Request) -> str:
    """Return which message of an evaluation this is; "" for all others."""
    kind = request.data.get("t")
    return kind if request.type == "client-message" and isinstance(kind, str) and kind.startswith("eval-") else ""


def prepare(kind: str, data: object, session: Session, desk: Desk, narrator: Narrator) -> None:
    """Do what an evaluation asks for before its turns. Raises RequestRefusedError for what this agent cannot."""
    asked = data if isinstance(data, dict) else {}
    if kind == CONTEXT:
        _seed(asked.get("messages"), session, desk)
    elif kind == CONFIGURE:
        narrator.raw_vad = asked.get("vad_user_speaking") is True
    else:
        raise RequestRefusedError(f"This server does not take {kind[:40]!r}: it hears and reads, and sees no images.")


def _seed(messages: object, session: Session, desk: Desk) -> None:
    """Begin from a conversation; its system messages are the prompt."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise RequestRefusedError("eval-context needs messages, each with a role and a content.")
    said = [(message.get("role"), _text(message.get("content"))) for message in messages]
    if prompt := "\n\n".join(text for role, text in said if role in ("system", "developer")):
        desk.configure({"system_prompt": prompt})
    for role, text in said:
        for speaker in ROLES:
            if role == speaker and text.strip():
                session.remember(speaker, text)


def _text(content: object) -> str:
    if isinstance(content, list):
        return " ".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    return content if isinstance(content, str) else ""
