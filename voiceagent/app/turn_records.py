"""Where finished turns go besides the metrics and the log, as the settings say: a file, a collector of traces."""

from collections.abc import Mapping
from typing import Protocol

from voiceagent.config.settings import TraceSettings
from voiceagent.errors import VoiceAgentError
from voiceagent.trace.jsonl import TurnFile
from voiceagent.trace.turn import TurnTrace


class TurnRecord(Protocol):
    """Takes finished turns."""

    def append(self, trace: TurnTrace) -> None:
        """Take one, on the event loop, in a millisecond at most."""

    def close(self) -> None:
        """Keep what was taken, and stop."""


def turn_records(settings: TraceSettings, models: Mapping[str, str]) -> list[TurnRecord]:
    """Return what takes the turns of a process. Raises VoiceAgentError for a package that is missing."""
    records: list[TurnRecord] = []
    if settings.jsonl:
        records.append(TurnFile(settings.jsonl, log_text=settings.log_text))
    if settings.otlp:
        try:
            from voiceagent.trace.otlp import TurnSpans
        except ModuleNotFoundError as error:
            raise VoiceAgentError(
                f"trace.otlp needs packages that are not installed ({error.name}): pip install 'voiceagent[otel]'"
            ) from error
        records.append(TurnSpans(settings.otlp, models, log_text=settings.log_text))
    return records
