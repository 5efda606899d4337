"""The session, as clients configure it. A field that is not given keeps its value; null is the agent's own."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from voiceagent.doors.realtime.events.base import ClientEvent, Part

MAX_TOOLS = 128
MAX_INSTRUCTIONS_CHARS = 100_000

Modality = Literal["text", "audio"]
TokenLimit = Annotated[int, Field(ge=1)] | Literal["inf"]


class Pcm24(Part):
    """16-bit samples at 24 kHz."""

    type: Literal["audio/pcm"]
    rate: Literal[24000] = 24000


class Pcmu(Part):
    """G.711 mu-law at 8 kHz."""

    type: Literal["audio/pcmu"]
    rate: Literal[8000] | None = None


class Pcma(Part):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"]
    rate: Literal[8000] | None = None


Format = Annotated[Pcm24 | Pcmu | Pcma, Field(discriminator="type")]


class ServerVad(Part):
    """Silence ends a turn."""

    type: Literal["server_vad"]
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    prefix_padding_ms: Annotated[int, Field(ge=0, le=10_000)] | None = None
    silence_duration_ms: Annotated[int, Field(ge=50, le=10_000)] | None = None
    idle_timeout_ms: Annotated[int, Field(ge=1_000, le=3_600_000)] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class SemanticVad(Part):
    """The turn detector ends a turn."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


TurnDetection = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class Transcription(Part):
    """How the user's words are written down; the recogniser is the agent's."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: str | None = None


class AudioIn(Part):
    """What the client sends."""

    format: Format | None = None
    noise_reduction: dict[str, Any] | None = None
    transcription: Transcription | None = None
    turn_detection: TurnDetection | None = None


class VoiceId(Part):
    """A voice by its id."""

    id: str


class AudioOut(Part):
    """What the client is sent."""

    format: Format | None = None
    voice: str | VoiceId | None = None
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = None


class Audio(Part):
    """The sound of a session."""

    input: AudioIn | None = None
    output: AudioOut | None = None


class FunctionTool(Part):
    """A tool that the client runs; it comes before one of the agent's with the same name."""

    type: Literal["function"]
    name: Annotated[str, Field(pattern="^[A-Za-z0-9_.-]{1,128}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class McpTool(Part):
    """A server of tools that OpenAI would call."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["mcp"]


Tool = Annotated[FunctionTool | McpTool, Field(discriminator="type")]


class NamedFunction(Part):
    """The one function that is to be called."""

    type: Literal["function"]
    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedFunction


class Session(Part):
    """The configuration of a session, or what is to change of it."""

    type: Literal["realtime", "transcription"] | None = None
    id: str | None = None
    object: Literal["realtime.session"] | None = None
    expires_at: int | None = None
    model: str | None = None
    instructions: Annotated[str, Field(max_length=MAX_INSTRUCTIONS_CHARS)] | None = None
    output_modalities: Annotated[list[Modality], Field(min_length=1, max_length=2)] | None = None
    audio: Audio | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_output_tokens: TokenLimit | None = None
    prompt: dict[str, Any] | None = None
    tracing: Any = None
    truncation: Any = None
    reasoning: Any = None
    include: list[str] | None = None


class UpdateSession(ClientEvent):
    """Change the session."""

    type: Literal["session.update"]
    session: Session
