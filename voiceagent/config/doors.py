"""The settings of doors that have some of their own."""

from pydantic import Field

from voiceagent.config.section import Section


class OpenAiSettings(Section):
    """OpenAI's HTTP endpoints: models, audio and chat completions (docs/openai.md)."""

    upload_mb: int = Field(default=256, ge=1, le=16_384)
    """The largest recording that may be uploaded, in megabytes; it is kept on disk while it is transcribed."""
