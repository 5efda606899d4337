"""Structured logs on stderr: `key=value` for people, JSON lines for machines, through the standard library's logging.

Fields are what a call passes as `extra`, with the session and turn that it is about (`trace/about.py`); `with_fields`
gives a logger that adds the same ones to every line. Only `conversation` logs what people said, and only after
`configure(log_text=True)`.
"""

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

from voiceagent.trace.about import AboutFilter
from voiceagent.trace.turn import TurnTrace

LogFormat = Literal["text", "json"]

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
"""Attributes that are not fields: the standard ones, and uvicorn's second copy of its message."""

_turns = logging.getLogger("voiceagent.turns")
_conversation = logging.getLogger("voiceagent.conversation")
_conversation.disabled = True  # until `configure` allows text to be logged


def configure(level: str = "INFO", format: LogFormat = "text", *, log_text: bool = False) -> None:
    """Send all logs to stderr: ours from `level` on, those of libraries from WARNING on. May be called again.

    Raises ValueError for an unknown level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(AboutFilter())
    handler.set_name("voiceagent")
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == "voiceagent"]:
        root.removeHandler(old)
    root.addHandler(handler)
    logging.getLogger("voiceagent").setLevel(level.upper())
    _conversation.disabled = not log_text


def with_fields(logger: logging.Logger, **fields: object) -> "FieldLogger":
    """Return a logger that adds these fields to every line."""
    return FieldLogger(logger, fields)


def conversation(role: Literal["user", "agent"], text: str, **fields: object) -> None:
    """Log what the user or the agent said, if the operator allows it."""
    _conversation.info("%s said", role, extra={**fields, "text": text})


def log_turn(trace: TurnTrace) -> None:
    """Log a finished turn in one line."""
    _turns.info(summary(trace), extra={"session": trace.session, "turn": trace.turn, "generation": trace.generation})


def summary(trace: TurnTrace) -> str:
    """Return a turn in one line: `turn 3 completed v2v=512ms silence=210ms asr=98ms ...`, without unknown fields."""
    took = {span.name: span.ms for span in trace.spans()}
    llm = [took[name] for name in ("first token", "first segment") if name in took]
    times = {
        "v2v": trace.voice_to_voice_ms,
        "silence": took.get("silence"),
        "asr": took.get("transcript"),
        "turn": took.get("turn decision"),
        "llm": sum(llm) if llm else None,
        "tts": took.get("first audio"),
        "out": took.get("first packet"),
    }
    words = [f"turn {trace.turn}", trace.outcome or "unfinished"]
    words += [f"{name}={ms:.0f}ms" for name, ms in times.items() if ms is not None]
    for use in trace.tools:
        took_ms = "" if use.seconds is None else f":{use.seconds * 1000:.0f}ms"
        words.append(f"tool={use.name}{took_ms}" + (f":{use.outcome}" if use.outcome != "done" else ""))
    if trace.speculation != "none":
        words.append(f"speculation={trace.speculation}")
    return " ".join(words)


class FieldLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds its own fields to those of each call (the standard adapter would replace them)."""

    def __init__(self, logger: logging.Logger, fields: Mapping[str, object]) -> None:
        super().__init__(logger, fields)
        self._fields = fields

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Merge the fields."""
        return msg, {**kwargs, "extra": {**self._fields, **(kwargs.get("extra") or {})}}


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO voiceagent.turns: turn 3 completed session=ab12`: one line, but for tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = " ".join(
            [f"{_time(record)} {record.levelname} {record.name}: {_printable(record.getMessage())}"]
            + [f"{key}={_quoted(value)}" for key, value in _fields(record).items()]
        )
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line; values that JSON does not know are written as text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _PLAIN}


def _printable(text: str) -> str:
    """Escape what a terminal would obey: line ends would forge log lines, escape sequences could do worse."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _quoted(value: object) -> str:
    """Return one plain word as it is, any other value in quotes with its control characters escaped."""
    text = str(value)
    plain = text and text.isprintable() and not any(mark in text for mark in ' "=')
    return text if plain else _printable(json.dumps(text, ensure_ascii=False))
