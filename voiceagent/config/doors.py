"""The settings of doors that have some of their own."""

from pydantic import Field

from voiceagent.config.section import Section


class RealtimeSettings(Section):
    """OpenAI's Realtime protocol (docs/realtime.md)."""

    idle_s: float = Field(default=300, ge=1, le=86_400)
    """A WebSocket from which nothing has come for this long, no audio either, is closed."""
