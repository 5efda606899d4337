"""The settings of doors that have some of their own."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from voiceagent.config.section import Section
from voiceagent.config.values import Name, url_path, web_address

Port = Annotated[int, Field(ge=0, le=65_535)]

Parameter = Literal["prompt", "greeting", "voice", "language"]


ReportedCalls = Literal["none", "name", "full"]


class RtviSettings(Section):
    """The door `rtvi`, for Pipecat's clients (docs/rtvi.md)."""

    calls: ReportedCalls = "name"
    """What clients are told of calls of the agent's tools: that there are some, their names, or everything."""


class RealtimeSettings(Section):
    """The door `realtime`: OpenAI's Realtime protocol (docs/realtime.md)."""

    idle_s: float = Field(default=300, ge=1, le=86_400)
    """A WebSocket from which nothing has come for this long, no audio either, is closed."""


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
    recording_hours: float = Field(default=4.0, gt=0, le=1000)
    """The longest recording that is transcribed; a small file may hold days of silence."""


class TelephonySettings(Section):
    """The door `telephony`: Twilio's Media Streams and Asterisk's AudioSocket (docs/telephony.md)."""

    twilio_auth_token: str | None = Field(default=None, min_length=1, repr=False)
    """Twilio's auth token: with it, only what Twilio has signed is let in; never printed."""
    public_url: Annotated[str, AfterValidator(web_address)] | None = None
    """The address by which Twilio reaches this server, such as https://agent.example.org; null: as its requests say."""
    parameters: tuple[Parameter, ...] = Field(default=(), strict=False)
    """What a stream's custom parameters may configure: prompt, greeting, voice, language."""
    audiosocket_host: Name = "127.0.0.1"
    """The address to listen on for Asterisk. AudioSocket has no password: who can reach the port can call."""
    audiosocket_port: int | None = Field(default=9092, ge=0, le=65_535)
    """The TCP port for Asterisk; 0 takes any free one, null opens none."""


class WyomingSettings(Section):
    """The door `wyoming`, for Home Assistant (docs/wyoming.md)."""

    host: Name = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets Home Assistant in from another machine. The protocol has no password."""
    port: int = Field(default=10_300, ge=0, le=65_535)
    """The TCP port; 0 takes any free one."""
    announce: bool = False
    """Whether it announces itself by mDNS, so that Home Assistant finds it (`pip install 'voiceagent[zeroconf]'`)."""

    @model_validator(mode="after")
    def _is_reached(self) -> Self:
        if self.announce and self.host in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("announces an address that other machines reach: set host, to 0.0.0.0 for example")
        return self
