"""Every setting of voiceagent: its name, type, limits, default and meaning.

This file is the one list of what can be configured. The models are frozen and strict: an unknown key, `"80"` for a
number, `1` for a boolean, NaN, or a value out of range is refused. An empty mapping is a valid configuration.
Nothing here knows where a value was written; `load` does.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from voiceagent.config.values import (
    FilePath,
    Milliseconds,
    Name,
    Probability,
    Threads,
    Tokens,
    function,
    ice_url,
    one_or_more,
    origin,
    web_address,
)

BROKEN_ORDER = "broken_order"
"""The type of the validation error for two settings that contradict each other; its context names both."""


class Section(BaseModel):
    """What every group of settings has in common."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    def _check_order(self, smaller: str, larger: str) -> None:
        """Refuse `smaller` > `larger`, both names of fields of this section."""
        if getattr(self, smaller) > getattr(self, larger):
            names = {"smaller": smaller, "larger": larger}
            raise PydanticCustomError(BROKEN_ORDER, "{smaller} must not exceed {larger}", names)


class IceServer(Section):
    """One STUN or TURN server, as in WebRTC's RTCIceServer."""

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(ice_url)], ...],
        BeforeValidator(one_or_more),
        Field(strict=False, min_length=1),
    ]
    """One address or several, such as stun:stun.example.org:3478."""
    username: str | None = None
    """The user name at a TURN server."""
    credential: str | None = Field(default=None, repr=False)
    """The password at a TURN server; never printed."""


class Server(Section):
    """The door: HTTP and WebRTC."""

    host: Name = "127.0.0.1"
    """The address to listen on; 0.0.0.0 lets other machines in."""
    port: int = Field(default=7860, ge=0, le=65_535)
    """The HTTP port; 0 takes any free one."""
    ice_servers: tuple[IceServer, ...] = Field(default=(), strict=False)
    """STUN and TURN servers, needed only where a NAT stands between agent and browser."""
    max_sessions: int = Field(default=4, ge=1, le=1024)
    """The most people connected at once; the next is refused with 503."""
    metrics: bool = True
    """Whether /metrics is served."""
    allow_origins: tuple[Annotated[str, AfterValidator(origin)], ...] = Field(default=(), strict=False)
    """Other web origins whose pages may call this server (CORS)."""


class ASR(Section):
    """Speech to text."""

    engine: Literal["moonshine", "nemotron", "scripted"] = "moonshine"
    """The backend; nemotron needs `pip install voiceagent[nemo]`."""
    model: Name = "moonshine-tiny-en"
    """The model's name in the weights manifest; for nemotron also the path of a .nemo file, or org/name@revision."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto takes the GPU if there is one (nemotron)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """The type of the weights; auto is bfloat16 on a GPU and float32 on a CPU (nemotron)."""
    threads: Threads = 1
    """CPU threads of the model."""
    right_context: Literal[0, 1, 6, 13] = 1
    """Frames of 80 ms to look ahead: steps of 80, 160, 560 or 1120 ms. More is more accurate, and later (nemotron)."""
    tail_ms: Milliseconds = 160
    """Silence that a final transcript looks ahead into, beyond the end of its last step (nemotron)."""
    language: Name = "auto"
    """The language to expect, such as en-US, for multilingual checkpoints (nemotron)."""
    partials: bool = True
    """Whether the growing transcript is shown while the user speaks."""
    partial_interval_ms: Milliseconds = 400
    """The shortest time between two partial transcripts."""


class LLM(Section):
    """The language model."""

    engine: Literal["llama", "openai", "scripted"] = "llama"
    """The backend; openai is any server that speaks OpenAI's protocol, and needs `pip install voiceagent[openai]`."""
    model: Name = "smollm2-135m-instruct-q4_1"
    """The model's name in the weights manifest, or the path of a .gguf file; for openai its name at the server."""
    threads: Threads = 1
    """CPU threads of the model; more than free cores makes it many times slower."""
    session_tokens: Tokens = 1024
    """The context of one session."""
    context_tokens: Tokens | None = None
    """Memory for so many tokens of all sessions together, where the silent give way; null: enough for all (llama)."""
    gpu_layers: int = Field(default=0, ge=-1, le=1000)
    """How many layers are computed on the GPU; -1: all (llama)."""
    flash_attention: bool | None = None
    """Whether attention takes less memory; null: on a GPU, and where the KV cache is quantised (llama)."""
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """The type of the KV cache; q8_0 has half the size (llama)."""
    prefill_tokens: Tokens = 24
    """The tokens of prompts that one step reads: more is faster, and makes other sessions wait longer (llama)."""
    streams_per_step: int = Field(default=0, ge=0, le=1024)
    """The most replies that one step advances; 0: all on a GPU, one on a CPU (llama)."""
    max_tokens: Tokens = 96
    """The longest response."""
    temperature: float = Field(default=0.2, ge=0, le=2)
    """Randomness of the choice of tokens; 0 always takes the likeliest."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Choose among the likeliest tokens that together have this probability; 1 is off."""
    top_k: int = Field(default=40, ge=0, le=1_000_000)
    """Choose among this many likeliest tokens; 0 is off."""
    min_p: Probability = 0.05
    """Drop tokens less likely than this share of the likeliest; 0 is off."""
    repeat_penalty: float = Field(default=1.1, ge=1, le=2)
    """How much a token loses for having been said before; 1 is off."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """The seed of the random choices."""
    stop: tuple[Name, ...] = Field(default=(), strict=False)
    """Texts that end a response where the model says them; they are not spoken (llama)."""
    grammar: FilePath | None = None
    """A file in llama.cpp's GBNF that every response must follow, from its rule `root`; null: none (llama)."""
    system_prompt: str = "You are a friendly voice assistant. Answer in one or two short spoken sentences."
    """What the model is told before the conversation."""
    first_segment_min_tokens: Tokens = 10
    """The fewest tokens after which the first piece of a response may be spoken."""
    first_segment_max_tokens: Tokens = 24
    """The most tokens the first piece of a response waits for a good place to cut."""
    preemptive: bool = True
    """Whether a response is prepared at the first sign of silence, before the turn is known to be over."""
    base_url: Annotated[str, AfterValidator(web_address)] = "http://localhost:8000/v1"
    """Where the server is (openai)."""
    api_key_env: Name = "OPENAI_API_KEY"
    """The environment variable that holds the server's key; it may be unset where none is needed (openai)."""
    timeout_s: float = Field(default=15, gt=0, le=600)
    """How long the server may take to begin a reply, and between two pieces of one (openai)."""
    retries: int = Field(default=1, ge=0, le=10)
    """How often a request that was refused or not answered is sent again, within the time-out (openai)."""
    chat_template_kwargs: dict[str, bool | int | float | str] = {}
    """What the server's chat template is told besides, such as {enable_thinking: false} (openai: vLLM, llama.cpp)."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        if self.context_tokens is not None:
            self._check_order("session_tokens", "context_tokens")
        self._check_order("max_tokens", "session_tokens")
        self._check_order("first_segment_min_tokens", "first_segment_max_tokens")
        return self


class TTS(Section):
    """Text to speech."""

    engine: Literal["hibari", "magpie", "scripted"] = "hibari"
    """The backend; magpie needs `pip install voiceagent[nemo]`."""
    voice: Name = "default"
    """The name of the voice; default is the engine's own (hibari: heart; magpie: aria)."""
    speed: float = Field(default=1.0, ge=0.5, le=2)
    """How fast it speaks; 1 is the voice's own pace (hibari)."""
    threads: Threads = 1
    """CPU threads of the model."""
    model: Name = "magpie-tts-multilingual-v2607"
    """The name in the weights manifest, the path of a .nemo file, or org/name@revision (magpie)."""
    codec: Name = "nemo-nano-codec-22khz"
    """Likewise for the codec, which is a checkpoint of its own (magpie)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; auto takes the GPU if there is one (magpie)."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """The type of the weights; auto is bfloat16 on a GPU and float32 on a CPU (magpie)."""
    language: Name = "en"
    """The code of the language spoken (magpie)."""
    preset: Literal["aggressive", "balanced", "conservative"] = "balanced"
    """How much is decoded before it sounds: the first audio after 4, 6 or 8 frames of 46 ms (magpie)."""
    guidance: bool = True
    """Classifier-free guidance: follows the text more closely, at twice the computation (magpie)."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Randomness of the voice; 0 always takes the likeliest, null what the checkpoint recommends (magpie)."""
    normalize: bool = True
    """Whether numbers, dates and the like are put into words by NeMo's grammars first (magpie)."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """The seed of the random choices: the same text sounds the same (magpie)."""


class VAD(Section):
    """Voice activity detection: is somebody speaking?"""

    engine: Literal["silero", "scripted"] = "silero"
    """The backend."""
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
    threads: Threads = 1
    """CPU threads of the model."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("release_threshold", "threshold")
        self._check_order("pause_ms", "stop_ms")
        return self


class Turn(Section):
    """Deciding that the user's turn is over."""

    detector: Literal["smart_turn", "silence"] = "smart_turn"
    """A model that hears whether the sentence sounds finished, or silence alone."""
    model: Name = "smart-turn-3.2"
    """The model's name in the weights manifest (smart_turn)."""
    threshold: Probability = 0.5
    """At this probability or above, the turn is complete (smart_turn)."""
    min_wait_ms: Milliseconds = 250
    """The shortest extra wait when the turn seems incomplete (smart_turn)."""
    max_wait_ms: Milliseconds = 1200
    """The longest extra wait when the turn seems incomplete (smart_turn)."""
    silence_ms: Milliseconds = 600
    """Silence this long ends the turn (silence)."""
    threads: Threads = 1
    """CPU threads of the model."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("min_wait_ms", "max_wait_ms")
        return self


class Session(Section):
    """The conduct of one conversation."""

    greeting: str = ""
    """What the agent says first; empty: it waits for the user."""
    idle_prompt: str = "Are you still there?"
    """What the agent says when nobody has spoken for a while."""
    idle_s: float = Field(default=20, ge=0, le=86_400)
    """How long nobody may speak before the idle prompt, in seconds; 0 is off."""
    history_turns: int = Field(default=6, ge=0, le=1000)
    """How many past turns the language model is shown."""
    sentence_pause_ms: Milliseconds = 250
    """The pause between two sentences of a response."""
    interrupt_after_ms: Milliseconds = 500
    """Speech this long interrupts the agent even when no words are recognised."""
    min_speech_ms: Milliseconds = 300
    """A shorter sound never interrupts the agent."""
    tool_timeout_s: float = Field(default=10, gt=0, le=3600)
    """How long a tool may take that says nothing else about itself."""
    tool_filler: str = "One moment, please."
    """What the agent says when a tool keeps the user waiting; empty: nothing."""
    tool_filler_after_ms: Milliseconds = 1500
    """How long a silence that a tool causes may last before that is said."""
    failure_message: str = "Sorry, something went wrong on my side. Could you say that again?"
    """What the agent says when a model has failed."""

    @model_validator(mode="after")
    def _orders(self) -> Self:
        self._check_order("min_speech_ms", "interrupt_after_ms")
        return self


class McpServer(Section):
    """An MCP server whose tools the agent may use: one that is started by a command, or one at an address."""

    name: Name
    """What it is called in messages and logs."""
    command: tuple[str, ...] = Field(default=(), strict=False)
    """The program that is the server (stdio), and its arguments."""
    environment: tuple[Name, ...] = Field(default=(), strict=False)
    """The environment variables it may see, by name; it sees PATH and HOME anyhow (command)."""
    url: Annotated[str, AfterValidator(web_address)] | None = None
    """Where the server is (streamable HTTP)."""
    token_env: Name | None = None
    """The environment variable that holds the server's bearer token (url)."""
    tools: tuple[Name, ...] = Field(default=(), strict=False)
    """Which of its tools are used; empty: all. Every tool makes the prompt longer."""
    on_interrupt: Literal["cancel", "finish"] = "cancel"
    """What becomes of a call when the user interrupts the agent."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("needs a command or a url, and not both")
        return self


class Scheduler(Section):
    """Which step runs next, and who may come in."""

    promise_ms: int = Field(default=1200, ge=100, le=60_000)
    """An answer begins this soon after the question, 95 times of 100; a caller more than allows it is refused."""
    calibration: Name = "auto"
    """What steps are taken to cost at first: auto (what `voiceagent calibrate` measured), none, or a file of it."""


class Weights(Section):
    """Where model files live."""

    dir: FilePath | None = None
    """The folder of model files; null: the standard one."""


class Trace(Section):
    """What is written down about what happened."""

    jsonl: FilePath | None = None
    """The file that gets one JSON line per turn; null: none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is logged."""
    log_format: Literal["text", "json"] = "text"
    """Log lines for people or for machines."""
    log_text: bool = False
    """Whether what people say may appear in the log."""


class Settings(Section):
    """The settings of one voiceagent process."""

    server: Server = Server()
    asr: ASR = ASR()
    llm: LLM = LLM()
    tts: TTS = TTS()
    vad: VAD = VAD()
    turn: Turn = Turn()
    session: Session = Session()
    tools: tuple[Annotated[str, AfterValidator(function)], ...] = Field(default=(), strict=False)
    """Python functions that the agent may use, as module:function."""
    mcp: tuple[McpServer, ...] = Field(default=(), strict=False)
    """MCP servers whose tools the agent may use."""
    scheduler: Scheduler = Scheduler()
    weights: Weights = Weights()
    trace: Trace = Trace()
