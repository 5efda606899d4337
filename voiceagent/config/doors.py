"""The settings of doors that have some of their own."""

from typing import Annotated

from pydantic import AfterValidator, Field

from voiceagent.config.section import Section
from voiceagent.config.values import url_path

Port = Annotated[int, Field(ge=0, le=65_535)]


class ServicesSettings(Section):
    """The STT, TTS and LLM services of NVIDIA's Nemotron voice agent example (docs/services.md)."""

    stt_path: Annotated[str, AfterValidator(url_path)] = "/"
    """The path of the STT WebSocket."""
    stt_port: Port | None = None
    """A further port, for the STT service alone; 0 takes any free one, null: none."""
    tts_port: Port | None = None
    """A further port for the TTS service, with its /v1/audio/speech; 0 takes any free one, null: none."""
    llm_port: Port | None = None
    """A further port for llama.cpp's /completion; 0 takes any free one, null: none."""
    tts_rate: int = Field(default=22_000, ge=8000, le=48_000)
    """Hz of the TTS service's audio; its clients expect 22000."""


class OpenAiSettings(Section):
    """OpenAI's HTTP endpoints: models, audio and chat completions (docs/openai.md)."""

    upload_mb: int = Field(default=256, ge=1, le=16_384)
    """The largest recording that may be uploaded, in megabytes; it is kept on disk while it is transcribed."""
