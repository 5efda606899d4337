"""What each engine that the settings name will take of the memory, from what is known without loading it.

Reads the manifest, sizes of files and the header of a GGUF file; imports no model's runtime. Language models are
reckoned exactly but for an upper bound of the computation; NeMo's models by the size of their checkpoints; the embedded
small ones were measured: what a process grew by at most until they were loaded and warm.
"""

from pathlib import Path

from voiceagent.app.capacity.gpu import lanes_on_gpu
from voiceagent.config.settings import Settings
from voiceagent.engines.llm.context_shape import ContextShape
from voiceagent.engines.llm.gguf_memory import DEVICE_RUNTIME, MemoryNeed
from voiceagent.engines.nemo.checkpoint import OVERHEAD_BYTES
from voiceagent.engines.nemo.magpie_checkpoint import CACHE_BYTES
from voiceagent.engines.nemo.memory import RECOGNISER_SLOT_BYTES, RUNTIME_BYTES
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.memory import MIB, MemoryUse, Place
from voiceagent.weights import FileState, Store

PROCESS = MemoryUse(engine="process", model="server", workspace=160 * MIB)
"""Python, the server and the runtimes' libraries. With cpu.yaml everything together was measured as 702 MiB."""
HIBARI = MemoryUse(engine="tts", model="hibari", weights=8 * MIB, workspace=150 * MIB)
SILERO = "silero-vad-6.2"
MOONSHINE_WORKSPACE, SILERO_WORKSPACE, SMART_TURN_WORKSPACE = 90 * MIB, 24 * MIB, 36 * MIB


def asr_needs(settings: Settings, store: Store, has_gpu: bool) -> tuple[MemoryUse, ...]:
    """Reckon the recogniser. Raises VoiceAgentError where that cannot be, with the reason."""
    asr, sessions = settings.asr, settings.server.max_sessions
    if asr.engine == "scripted":
        return ()
    if asr.engine == "moonshine":
        return (
            MemoryUse(engine="asr", model=asr.model, weights=_size(store, asr.model), workspace=MOONSHINE_WORKSPACE),
        )
    on_gpu = "asr" in lanes_on_gpu(settings, has_gpu=has_gpu)
    half = asr.dtype == "bfloat16" or (asr.dtype == "auto" and on_gpu)
    of_session = 2 * RECOGNISER_SLOT_BYTES  # its own slot and its fork's
    caches = sessions * of_session + RECOGNISER_SLOT_BYTES  # and a spare slot
    return _nemo_needs("asr", asr.model, _size(store, asr.model), caches, of_session, on_gpu=on_gpu, half=half)


def llm_needs(settings: Settings, store: Store) -> tuple[MemoryUse, ...]:
    """Reckon the language model. Raises VoiceAgentError where that cannot be, with the reason."""
    llm = settings.llm
    if llm.engine != "llama":
        return ()
    path = _file(store, llm.model)
    if not path.is_file():
        place = Place.GPU if llm.gpu_layers else Place.MAIN
        return (
            MemoryUse(engine="llm", model=f"{llm.model} (weights alone)", place=place, weights=_size(store, llm.model)),
        )
    shape = ContextShape.of(
        context_tokens=llm.context_tokens,
        session_tokens=llm.session_tokens,
        max_streams=settings.server.max_sessions,
        prefill_tokens=llm.prefill_tokens,
        streams_per_step=llm.streams_per_step or None,
        gpu_layers=llm.gpu_layers,
        flash_attention=llm.flash_attention,
        kv_type=llm.kv_type,
    )
    on_gpus, in_main = shape.memory_need(path).split(llm.gpu_layers)

    def part(place: Place, need: MemoryNeed, runtime: int) -> MemoryUse:
        return MemoryUse(
            engine="llm",
            model=llm.model,
            place=place,
            weights=need.weights,
            caches=need.kv_cache + need.recurrent_state,
            workspace=need.compute + runtime,
            per_session=shape.of_one_stream(need, llm.session_tokens),
        )

    parts = (part(Place.GPU, on_gpus, DEVICE_RUNTIME), part(Place.MAIN, in_main, 0))
    return tuple(there for there in parts if there.weights)


def tts_needs(settings: Settings, store: Store, has_gpu: bool) -> tuple[MemoryUse, ...]:
    """Reckon the voice. Raises VoiceAgentError where that cannot be, with the reason."""
    tts, sessions = settings.tts, settings.server.max_sessions
    if tts.engine == "scripted":
        return ()
    if tts.engine == "hibari":
        return (HIBARI,)
    stored = _size(store, tts.model) + _size(store, tts.codec)
    on_gpu = "tts" in lanes_on_gpu(settings, has_gpu=has_gpu)
    half = tts.dtype == "bfloat16" or (tts.dtype == "auto" and on_gpu)
    return _nemo_needs("tts", tts.model, stored, sessions * CACHE_BYTES, CACHE_BYTES, on_gpu=on_gpu, half=half)


def vad_needs(settings: Settings, store: Store) -> tuple[MemoryUse, ...]:
    """Reckon the voice activity detector."""
    if settings.vad.engine == "scripted":
        return ()
    return (MemoryUse(engine="vad", model=SILERO, weights=_size(store, SILERO), workspace=SILERO_WORKSPACE),)


def turn_needs(settings: Settings, store: Store) -> tuple[MemoryUse, ...]:
    """Reckon the turn detector."""
    model = settings.turn.model
    if settings.turn.detector == "silence":
        return ()
    return (MemoryUse(engine="turn", model=model, weights=_size(store, model), workspace=SMART_TURN_WORKSPACE),)


def _nemo_needs(
    engine: str, model: str, stored: int, caches: int, per_session: int, *, on_gpu: bool, half: bool
) -> tuple[MemoryUse, ...]:
    """Reckon a model in NeMo's modules from its sizes in float32, which is how it is stored and read."""
    divisor = 2 if half else 1
    there = MemoryUse(
        engine=engine,
        model=model,
        place=Place.GPU if on_gpu else Place.MAIN,
        weights=stored // divisor,
        caches=caches // divisor,
        workspace=OVERHEAD_BYTES + (DEVICE_RUNTIME if on_gpu else RUNTIME_BYTES),
        loading=0 if on_gpu else stored - stored // divisor,
        per_session=per_session // divisor,
    )
    return (
        (there, MemoryUse(engine=engine, model=model, workspace=RUNTIME_BYTES, loading=stored)) if on_gpu else (there,)
    )


def _file(store: Store, model: str) -> Path:
    """Where the only file of a model lies, there or not: a path, or a name in the manifest."""
    if model not in store.manifest.models and Path(model).suffix:
        return Path(model).expanduser()
    entry = store.manifest.model(model)
    return store.locate(entry, entry.files[0])


def _size(store: Store, model: str) -> int:
    """Bytes of a model's files: as they are here, or else as the manifest says."""
    if model not in store.manifest.models:
        path = Path(model).expanduser()
        if not path.is_file():
            raise VoiceAgentError(f"{model} is not here")
        return path.stat().st_size
    entry = store.manifest.models[model]
    return sum(
        file.size if store.state(entry, file) is FileState.ABSENT else store.locate(entry, file).stat().st_size
        for file in entry.files
    )
