"""What is known about a GGUF model in llama.cpp without loading it."""

from collections.abc import Iterator
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from voiceagent.config.settings import LlmSettings
from voiceagent.config.values import FilePath, Name, Probability, Threads, Tokens
from voiceagent.engines.files import file_of, only_file, size_of
from voiceagent.engines.finding import Finding, ok, problem
from voiceagent.engines.llm.llama.context_shape import ContextShape
from voiceagent.engines.llm.llama.gguf_memory import MemoryNeed
from voiceagent.engines.llm.llama.library import LibraryError, check_library, check_tiles, probe
from voiceagent.engines.llm.llama.speed import cpu_speed
from voiceagent.engines.llm.llama.trial import try_llama
from voiceagent.engines.memory import DEVICE_RUNTIME, MemoryUse, Place
from voiceagent.engines.spec import BuildContext, Device, EngineSpec, Remedy
from voiceagent.engines.speed import Speed
from voiceagent.engines.steps import BATCH, LlmSteps, Talk, Works, steps
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

COPIES = ".copies"
"""Folder, next to the model files, for models converted to the format that this machine's CPU reads fastest."""
GPU_LIBRARIES = ("*ggml-cuda*", "*ggml-metal*", "*ggml-vulkan*", "*ggml-hip*", "*ggml-sycl*")
"""Next to llama.cpp's own library if it was compiled for a GPU."""
LAYERS = (64, 48, 40, 32, 24, 16, 8, 0)
"""Numbers of layers on the GPU worth trying; each layer not on it makes every token slower."""


class LlamaSettings(LlmSettings):
    """A GGUF model, read by llama.cpp in this process."""

    engine: Literal["llama"] = "llama"
    model: Name = "smollm2-135m-instruct-q4_1"
    """The model's name in the weights manifest, or the path of a .gguf file."""
    threads: Threads = 1
    """CPU threads of the model; more than free cores makes it many times slower."""
    context_tokens: Tokens | None = None
    """Memory for this many tokens of all sessions together, where silent ones are evicted; null: enough for all."""
    gpu_layers: int = Field(default=0, ge=-1, le=1000)
    """How many layers run on the GPU; -1: all."""
    flash_attention: bool | None = None
    """Whether to use flash attention, which takes less memory; null: on a GPU, or if the KV cache is quantised."""
    kv_type: Literal["f16", "q8_0", "q4_0"] = "f16"
    """The type of the KV cache; q8_0 is half the size of f16."""
    load_mode: Literal["auto", "mmap", "direct"] = "auto"
    """How the weights are read: mapped, or past the system's cache; auto reads past it what goes to a GPU whole."""
    thinking_tokens: int = Field(default=0, ge=0, le=4096)
    """How much the model may think about the user's words while they are spoken, for models that think; 0: nothing."""
    checkpoints: Literal[1, 2] = 2
    """States kept of a conversation besides the reply's; with 1 a hybrid model's take a third less memory."""
    prefill_tokens: Tokens = 24
    """The tokens of prompts that one step reads: more is faster, but makes other sessions wait longer."""
    streams_per_step: int = Field(default=0, ge=0, le=1024)
    """The most replies that one step advances; 0: all on a GPU, one on a CPU."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Choose among the most likely tokens that together have this probability; 1 is off."""
    top_k: int = Field(default=40, ge=0, le=1_000_000)
    """Choose among this many of the most likely tokens; 0 is off."""
    min_p: Probability = 0.05
    """Drop tokens less likely than this share of the most likely one's probability; 0 is off."""
    repeat_penalty: float = Field(default=1.1, ge=1, le=2)
    """How much a token loses for having been said before; 1 is off."""
    dry_multiplier: float = Field(default=0.8, ge=0, le=10)
    """How strongly the model is kept from saying again, word by word, what it has said in this call; 0 is off."""
    dry_base: float = Field(default=1.75, ge=1, le=4)
    """How much stronger with each further token of the repeated run."""
    dry_allowed_length: int = Field(default=6, ge=1, le=100)
    """Runs of this many tokens may be said again; fewer for a small model."""
    opening_penalty: float = Field(default=0.5, ge=0, le=10)
    """How strongly the model is kept from beginning a reply as it has begun earlier ones; 0 is off."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """The seed of the random choices."""
    grammar: FilePath | None = None
    """A file in llama.cpp's GBNF that every response must follow, from its rule `root`; null: none."""

    @model_validator(mode="after")
    def _context_holds_a_session(self) -> Self:
        if self.context_tokens is not None:
            self._check_order("session_tokens", "context_tokens")
        return self


class LlamaSpec(EngineSpec[LlamaSettings]):
    """Describes the backend."""

    def build(self, settings: LlamaSettings, context: BuildContext) -> Any:
        """Return the engine. Raises VoiceAgentError for a model or a grammar that does not exist."""
        check_library()
        check_tiles()
        from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling

        return LlamaEngine(
            gguf_path(settings.model, context.store),
            threads=settings.threads,
            context_tokens=settings.context_tokens,
            session_tokens=settings.session_tokens,
            max_streams=context.max_speech_streams,
            max_tokens=settings.max_tokens,
            thinking_tokens=settings.thinking_tokens,
            prefill_tokens=settings.prefill_tokens,
            streams_per_step=settings.streams_per_step or None,
            gpu_layers=settings.gpu_layers,
            flash_attention=settings.flash_attention,
            kv_type=settings.kv_type,
            load_mode=settings.load_mode,
            checkpoints=settings.checkpoints,
            copies=context.store.root / COPIES,
            sampling=Sampling(
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=settings.top_k,
                min_p=settings.min_p,
                repeat_penalty=settings.repeat_penalty,
                dry_multiplier=settings.dry_multiplier,
                dry_base=settings.dry_base,
                dry_allowed_length=settings.dry_allowed_length,
                opening_penalty=settings.opening_penalty,
                seed=settings.seed,
                grammar=read_grammar(settings.grammar) if settings.grammar else "",
            ),
        )

    def model(self, settings: LlamaSettings) -> str:
        """Return the model's name."""
        return settings.model

    def files(self, settings: LlamaSettings) -> tuple[str, ...]:
        """Return the model."""
        return (settings.model,)

    def device(self, settings: LlamaSettings) -> Device:
        """Return the GPU if some layers run there."""
        return "gpu" if settings.gpu_layers else "cpu"

    def memory(self, settings: LlamaSettings, context: BuildContext) -> tuple[MemoryUse, ...]:
        """Return the memory from the GGUF file's header: exact except for the computation, an upper bound."""
        path = file_of(context.store, settings.model)
        if not path.is_file():
            place, weights = Place.GPU if settings.gpu_layers else Place.MAIN, size_of(context.store, settings.model)
            return (MemoryUse(engine="llm", model=f"{settings.model} (weights alone)", place=place, weights=weights),)
        shape = _shape(settings, context)
        on_gpus, in_main = shape.memory_need(path).split(settings.gpu_layers)

        def part(place: Place, need: MemoryNeed, runtime: int) -> MemoryUse:
            return MemoryUse(
                engine="llm",
                model=settings.model,
                place=place,
                weights=need.weights,
                caches=need.kv_cache + need.recurrent_state,
                workspace=need.compute + runtime,
                per_session=shape.of_one_stream(need, settings.session_tokens),
            )

        parts = (part(Place.GPU, on_gpus, DEVICE_RUNTIME), part(Place.MAIN, in_main, 0))
        return tuple(use for use in parts if use.weights)

    def steps(self, settings: LlamaSettings, talk: Talk) -> LlmSteps:
        """Return pieces of prompts, and a step per token; on a GPU shared by all callers."""
        together = settings.streams_per_step or (BATCH if settings.gpu_layers else 1)

        def reading(tokens: int) -> Works:
            times = ceil(tokens / (1.5 * settings.prefill_tokens))  # a small rest is read with the piece before it
            return steps("llm.step", ceil(tokens / times), times, together) if times else ()

        return LlmSteps(
            prompt=reading(talk.prompt_tokens),
            rereading=reading(talk.reread_tokens),
            first_text=steps("llm.step", 1, talk.first_segment_tokens, together),
            text=steps("llm.step", 1, talk.segment_tokens, together),
        )

    def speed(self, settings: LlamaSettings, store: Store) -> Speed | None:
        """Return an estimate for a model of the manifest whose layers are all on the CPU."""
        model = store.manifest.models.get(settings.model)
        if settings.gpu_layers or model is None or model.parameters is None:
            return None
        return cpu_speed(model.parameters, model.size, settings.threads)

    def findings(self, settings: LlamaSettings, context: BuildContext) -> Iterator[Finding]:
        """Yield which llama.cpp this is, and a problem if it does not run or should use a GPU and cannot."""
        try:
            yield ok("llm", probe())
        except LibraryError as error:
            yield problem("llm", error.what, error.remedy)
        if settings.gpu_layers and not _has_gpu_library():
            yield problem(
                "llm",
                "llama.cpp was compiled without GPU support, and llm.gpu_layers is not 0",
                "set llm.gpu_layers to 0, or recompile it: "
                'CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir llama-cpp-python',
            )

    def try_gpu(self, settings: LlamaSettings, context: BuildContext) -> Iterator[Finding]:
        """Yield whether llama.cpp computes on the GPU what it computes on the CPU, in a process of its own."""
        if settings.gpu_layers:
            yield from try_llama()

    def remedies(self, settings: LlamaSettings, context: BuildContext) -> Iterator[Remedy]:
        """Yield a smaller KV cache, shorter sessions, fewer layers on the GPU, smaller models."""
        if settings.checkpoints > 1 and _has_states(settings, context):
            yield Remedy({"checkpoints": 1})
        if settings.kv_type == "f16" and settings.flash_attention is not False:
            yield Remedy({"kv_type": "q8_0"})
        if settings.context_tokens is None:
            if (half := settings.session_tokens // 2) >= 2 * settings.max_tokens:  # a prompt needs room as well
                yield Remedy({"session_tokens": half})
        elif settings.session_tokens < settings.context_tokens:
            yield Remedy({"context_tokens": max(settings.session_tokens, settings.context_tokens // 2)})
        for layers in LAYERS:
            if settings.gpu_layers and (settings.gpu_layers < 0 or layers < settings.gpu_layers):
                yield Remedy({"gpu_layers": layers}, harm=1)
        models = [model for model in context.store.manifest.models.values() if model.role == "llm"]
        for model in sorted(models, key=lambda model: model.size, reverse=True):
            yield Remedy({"model": model.name}, harm=2)


def _shape(settings: LlamaSettings, context: BuildContext) -> ContextShape:
    """Return what will be allocated."""
    return ContextShape.of(
        context_tokens=settings.context_tokens,
        session_tokens=settings.session_tokens,
        max_streams=context.max_speech_streams,
        prefill_tokens=settings.prefill_tokens,
        streams_per_step=settings.streams_per_step or None,
        gpu_layers=settings.gpu_layers,
        flash_attention=settings.flash_attention,
        kv_type=settings.kv_type,
        checkpoints=settings.checkpoints,
    )


def _has_states(settings: LlamaSettings, context: BuildContext) -> bool:
    """Return whether the model has states that cannot be rewound; False while its file is not here."""
    path = file_of(context.store, settings.model)
    return path.is_file() and _shape(settings, context).memory_need(path).recurrent_state > 0


def gguf_path(model: str, store: Store) -> Path:
    """Return the file of a model given as a path, or as the name of a fetched one. Raises VoiceAgentError."""
    return Path(model).expanduser() if model.endswith(".gguf") else only_file(store, model)


def read_grammar(path: Path) -> str:
    """Return the text of a grammar. Raises VoiceAgentError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceAgentError(f"The grammar {path} of llm.grammar cannot be read: {error}") from error


def _has_gpu_library() -> bool:
    """Return whether llama.cpp was compiled with a GPU library, without loading it."""
    spec = find_spec("llama_cpp")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    return folder is not None and any(any(folder.glob(f"lib*/{name}")) for name in GPU_LIBRARIES)


SPEC = LlamaSpec(
    "llm",
    "llama",
    LlamaSettings,
    packages=("llama-cpp-python",),
    cost_settings=("model", "threads", "gpu_layers", "flash_attention", "kv_type", "prefill_tokens"),
)
