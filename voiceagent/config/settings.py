"""Every setting of voiceagent that is not an engine's own: its name, type, limits, default and meaning.

An engine's settings are in its `spec.py`. The models are frozen and strict: an unknown key, `"80"`
for a number, `1` for a boolean, NaN, or a value out of range is refused. An empty mapping is a valid configuration.
Nothing here knows where a value was written; `load` does.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from voiceagent.config.doors import (
    OpenAiSettings,
    RealtimeSettings,
    RtviSettings,
    ServicesSettings,
    TelephonySettings,
    WyomingSettings,
)
from voiceagent.config.network import Address, AddressOrNetwork, IceServer, TurnServer
from voiceagent.config.section import Section
from voiceagent.config.values import (
    FilePath,
    Milliseconds,
    Name,
    Port,
    Probability,
    Tokens,
    function,
    host_name,
    network,
    origin,
    secret_token,
    web_address,
)


class ServerSettings(Section):
    """The door: HTTP and WebRTC."""

    host: Name = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets other machines in."""
    port: int = Field(default=7860, ge=0, le=65_535)
    """The HTTP port; 0 takes any free one."""
    ice_servers: tuple[IceServer, ...] = Field(default=(), strict=False)
    """STUN and TURN servers, needed only where there is a NAT between agent and browser (docs/webrtc.md)."""
    turn: TurnServer = TurnServer()
    """A TURN server that gives each client a password of its own."""
    addresses: tuple[AddressOrNetwork, ...] = Field(default=(), strict=False)
    """This machine's addresses that callers are offered for their audio, also as networks; empty: all but 127.0.0.1."""
    public_address: Address | None = None
    """The address that callers are offered instead of this machine's own, where a NAT or a container translates it."""
    udp_ports: tuple[Port, Port] | None = Field(default=None, strict=False)
    """The first and the last UDP port for callers' audio; a call takes one on each address. null: any free one."""
    max_sessions: int = Field(default=4, ge=1, le=1024)
    """The most people connected at once; the next is refused with 503."""
    replica: Annotated[str, Field(pattern="^[A-Za-z0-9-]{0,40}$")] = ""
    """This process's name among several behind one address; the ids of its calls begin with it (docs/scale-out.md)."""
    speech_streams: int = Field(default=2, ge=0, le=1024)
    """The most recognisers, models and voices lent at once without a conversation, on top of those of callers."""
    drain_s: float = Field(default=8, ge=0, le=3600)
    """How long answers may take to end when the server is told to stop (SIGTERM), in seconds; Docker waits for 10."""
    metrics: bool = True
    """Whether /metrics is served."""
    hosts: tuple[Annotated[str, AfterValidator(host_name)], ...] = Field(default=(), strict=False)
    """The names by which others reach this server: voice.example.org, *.example.org, or * (docs/security.md)."""
    allow_origins: tuple[Annotated[str, AfterValidator(origin)], ...] = Field(default=(), strict=False)
    """Other web origins whose pages may call this server (CORS)."""
    token: Annotated[str, AfterValidator(secret_token)] | None = Field(default=None, repr=False)
    """What a client must know to come in; never printed but in the address of the page. Also VOICEAGENT_TOKEN."""
    token_file: FilePath | None = None
    """The file that holds the token, where `token` does not give it."""
    open: bool = False
    """Whether others than this machine may come in without a token."""
    request_rate: float = Field(default=50, ge=0, le=100_000)
    """The most requests per second of one address, after a burst of ten times as many; 0: no limit."""
    connections: int = Field(default=1000, ge=10, le=100_000)
    """The most connections of clients to a port, HTTP and WebSockets together; the next is refused with 503."""
    connections_per_address: int = Field(default=100, ge=0, le=100_000)
    """The most connections of one address; the next is refused with 429. Proxies may have more; 0: no limit."""
    sessions_per_address: int = Field(default=0, ge=0, le=1024)
    """The most people connected from one address, as a proxy forwards it; 0: as many as there is room for."""
    offers_per_address: int = Field(default=2, ge=1, le=1024)
    """The most WebRTC calls of one address that are being set up at once; the next is refused with 429."""
    tls_cert: FilePath | None = None
    """The certificate with its chain (PEM): page and doors are then served by HTTPS."""
    tls_key: FilePath | None = None
    """The certificate's private key (PEM), without a pass phrase."""
    proxies: tuple[Annotated[str, AfterValidator(network)], ...] = Field(default=(), strict=False)
    """Addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed; empty: this machine."""

    @model_validator(mode="after")
    def _whole_pair(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            absent = "tls_key" if self.tls_key is None else "tls_cert"
            raise ValueError(f"needs tls_cert and tls_key together, and {absent} is not set")
        return self

    @model_validator(mode="after")
    def _rising_ports(self) -> Self:
        if self.udp_ports is not None and self.udp_ports[0] > self.udp_ports[1]:
            raise ValueError("needs udp_ports with the lower one first")
        return self


DoorName = Literal["page", "rtvi", "realtime", "openai", "services", "telephony", "wyoming", "engines"]


class EngineSettings(Section):
    """What the settings of all engines have: its name. The spec adds the rest (`engines/*/*/spec.py`)."""

    engine: Name
    """The backend."""


class AsrSettings(EngineSettings):
    """Speech to text: what all recognisers have in common."""

    partials: bool = True
    """Whether the growing transcript is shown while the user speaks."""
    partial_interval_ms: Milliseconds = 400
    """The shortest time between two partial transcripts."""


class LlmSettings(EngineSettings):
    """The language model: what all of them have in common."""

    system_prompt: str = "You are a friendly voice assistant. Answer in one or two short spoken sentences."
    """What the model reads before the conversation."""
    session_tokens: Tokens = 1024
    """The context of one session."""
    max_tokens: Tokens = 96
    """The longest response."""
    temperature: float = Field(default=0.2, ge=0, le=2)
    """Randomness of the choice of tokens; 0 always takes the likeliest."""
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), strict=False)
    """Texts that end a response when the model writes them; they are not spoken."""
    first_segment_min_tokens: Tokens = 10
    """The fewest tokens after which the first piece of a response may be spoken."""
    first_segment_max_tokens: Tokens = 24
    """The most tokens the first piece of a response waits for a good place to cut."""
    avoid_repeats: bool = True
    """Whether a reply that begins as an earlier one is made again without it in sight: for small models, which loop."""
    preemptive: bool = True
    """Whether a response is prepared at the first sign of silence, before the turn is known to be over."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("max_tokens", "session_tokens")
        self._check_order("first_segment_min_tokens", "first_segment_max_tokens")
        return self


class TtsSettings(EngineSettings):
    """Text to speech."""


class VadSettings(EngineSettings):
    """Voice activity detection: what all detectors have in common."""

    threshold: Probability = 0.5
    """Speech begins at this probability or above."""
    release_threshold: Probability = 0.35
    """Speech goes on until the probability falls below this."""
    onset_ms: Milliseconds = 64
    """Speech this long counts as begun."""
    pause_ms: Milliseconds = 64
    """Silence this long is the first sign of an end: the response is prepared."""
    stop_ms: Milliseconds = 200
    """Silence this long ends the speech: the turn is judged."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("release_threshold", "threshold")
        self._check_order("pause_ms", "stop_ms")
        return self


class TurnSettings(EngineSettings):
    """Deciding that the user's turn is over."""

    max_speech_s: float = Field(default=60, ge=5, le=600)
    """Speech this long without a pause is answered though it goes on, in seconds."""


class TurnSilenceSettings(TurnSettings):
    """By silence alone."""

    silence_ms: Milliseconds = 600
    """Silence this long ends the turn."""


class TurnDetectorSettings(TurnSettings):
    """By a model: what all turn detectors have in common."""

    cut_off_cost_s: float = Field(default=1, ge=0, le=100)
    """Answering into a pause is as bad as this many seconds of waiting for an answer: more waits longer in doubt."""
    max_wait_ms: Milliseconds = 2000
    """The longest silence before the answer, however much the turn seems incomplete."""
    patience_ms: Milliseconds = 1200
    """The same, where nothing is known of the turn; about as long the next piece of a dictated number is waited for."""


class SessionSettings(Section):
    """The conduct of one conversation."""

    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] = "en"
    """What is spoken, as an ISO 639-1 code such as de; recogniser and voice must know it."""
    greeting: str = ""
    """What the agent says first; empty: it waits for the user."""
    idle_prompt: str | None = None
    """What the agent says after a long silence; empty: nothing, null: a phrase of the language."""
    idle_s: float = Field(default=20, ge=0, le=86_400)
    """The silence before the idle prompt, in seconds; 0 is off."""
    history_turns: int = Field(default=6, ge=0, le=1000)
    """How many past turns the language model is shown."""
    summarise: bool = False
    """Whether it is also shown a summary of older turns, written by itself while nobody speaks; small models invent."""
    sentence_pause_ms: Milliseconds = 250
    """The pause between two sentences of a response."""
    interrupt_after_ms: Milliseconds = 800
    """Speech this long interrupts the agent before words of it are known, unless none are found in it."""
    min_speech_ms: Milliseconds = 300
    """A shorter sound never interrupts the agent."""
    background_db: float = Field(default=10, ge=0, le=60)
    """What is so much quieter than the person, in dB, is not heard; less, if they speak evenly; 0: everything is."""
    tool_timeout_s: float = Field(default=10, gt=0, le=3600)
    """How long a tool may take that declares no limit of its own."""
    tool_filler: str | None = None
    """What the agent says when a tool keeps the user waiting; empty: nothing, null: a phrase of the language."""
    tool_filler_after_ms: Milliseconds = 1500
    """How long a silence that a tool causes may last before that is said."""
    ask_back: str | None = None
    """What the agent says when it has probably misheard; empty: it answers anyway, null: a phrase of the language."""
    min_confidence: Probability = 0.5
    """A transcript of which the recogniser is less sure than this is asked back, once; 0: none is."""
    failure_message: str | None = None
    """What the agent says when a model has failed; null: a phrase of the language."""
    resume_s: float = Field(default=30, ge=0, le=3600)
    """How long a conversation is kept for a caller whose line broke or whose page was loaded again, in seconds."""
    store: FilePath | None = None
    """The SQLite file in which that outlives the server, in plain text (docs/resuming.md); null: memory alone."""
    record: FilePath | None = None
    """The folder where calls are recorded, both sides; null: none. Callers must know and agree (docs/recording.md)."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("min_speech_ms", "interrupt_after_ms")
        return self


class McpServerSettings(Section):
    """An MCP server whose tools the agent may use: one that is started by a command, or one at an address."""

    name: Name
    """What it is called in messages and logs."""
    command: tuple[str, ...] = Field(default=(), strict=False)
    """The program that is the server (stdio), and its arguments."""
    environment: tuple[Name, ...] = Field(default=(), strict=False)
    """With a command: the environment variables it may see, by name, in addition to PATH, HOME and the like."""
    url: Annotated[str, AfterValidator(web_address)] | None = None
    """The address of the server (streamable HTTP)."""
    token_env: Name | None = None
    """With a url: the environment variable that holds the server's bearer token."""
    tools: tuple[Name, ...] = Field(default=(), strict=False)
    """Which of its tools are used; empty: all. Every tool makes the prompt longer."""
    on_interrupt: Literal["cancel", "finish"] = "cancel"
    """What becomes of a call when the user interrupts the agent."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("needs a command or a url, and not both")
        return self


class SchedulerSettings(Section):
    """Which step runs next, and which callers are admitted."""

    promise_ms: int = Field(default=1200, ge=100, le=60_000)
    """An answer begins this soon after the question, 95 times of 100; a caller more than allows it is refused."""
    calibration: Name = "auto"
    """The initial step costs: auto (what `voiceagent calibrate` measured), none, or a file of it."""


class WeightsSettings(Section):
    """Where model files live."""

    dir: FilePath | None = None
    """The folder of model files; null: the standard one."""


class TraceSettings(Section):
    """What is recorded and logged."""

    jsonl: FilePath | None = None
    """The file that gets one JSON line per turn; null: none."""
    otlp: Annotated[str, AfterValidator(web_address)] | None = None
    """The OpenTelemetry collector that gets a trace per turn by OTLP, as in http://localhost:4318; null: none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""
    log_format: Literal["text", "json"] = "text"
    """Log lines for people or for machines."""
    log_text: bool = False
    """Whether what people say may appear in the log."""


ENGINE_SECTIONS: dict[str, type[EngineSettings]] = {
    "asr": AsrSettings,
    "llm": LlmSettings,
    "tts": TtsSettings,
    "vad": VadSettings,
    "turn": TurnSettings,
}
"""The sections of engines, and what is common to the engines of a kind."""


class Settings(Section):
    """The settings of one voiceagent process. The engines decide what their sections contain: see
    `concrete.settings_model`."""

    server: ServerSettings = ServerSettings()
    asr: AsrSettings
    llm: LlmSettings
    tts: TtsSettings
    vad: VadSettings
    turn: TurnSettings
    session: SessionSettings = SessionSettings()
    tools: tuple[Annotated[str, AfterValidator(function)], ...] = Field(default=(), strict=False)
    """Python functions that the agent may use, as module:function."""
    mcp: tuple[McpServerSettings, ...] = Field(default=(), strict=False)
    """MCP servers whose tools the agent may use."""
    doors: tuple[DoorName, ...] = Field(default=("page", "rtvi", "realtime", "openai", "services"), strict=False)
    """The ways in (docs/doors.md)."""
    rtvi: RtviSettings = RtviSettings()
    realtime: RealtimeSettings = RealtimeSettings()
    openai: OpenAiSettings = OpenAiSettings()
    services: ServicesSettings = ServicesSettings()
    telephony: TelephonySettings = TelephonySettings()
    wyoming: WyomingSettings = WyomingSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    weights: WeightsSettings = WeightsSettings()
    trace: TraceSettings = TraceSettings()
