"""Which of the shipped configurations has the best language model that a machine carries: enough memory, fast enough.

Decided from the number of cores, the free memory and the manifest alone. Nothing is measured here: on a CPU the speed
is estimated; a GPU that holds a model is taken to be fast enough.
"""

from collections.abc import Iterator, Sequence

from voiceagent.app.settings import changed, load_settings
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, Verdict
from voiceagent.engines.memory import GIB
from voiceagent.engines.registry import spec_of
from voiceagent.engines.speed import Speed
from voiceagent.engines.steps import Talk
from voiceagent.scheduler.memory import Free
from voiceagent.weights import Model, Store

ON_GPU = ("spark.yaml", "rtx5090.yaml", "laptop.yaml")
"""Configurations for a GPU, the best first."""
ON_CPU = ("laptop.yaml", "qwen.yaml", "qwen-small.yaml")
"""The same for a CPU."""
PATIENCE_S = 0.85
"""The language model's share of `scheduler.promise_ms` (1.2 s); hearing, judging and speaking take the rest."""
ROOM, ROOM_ON_GPU = GIB, 2 * GIB
"""Taken besides the models' files: caches, workspace, runtimes. `voiceagent doctor --config` computes it exactly."""
MOST_THREADS = 8
"""More threads wait for each other and for the memory."""


def better_model(settings: Settings, cores: int, free: Free) -> Iterator[Finding]:
    """Yield the command for a better language model than the one that is set, if this machine carries one."""
    store = Store(settings.weights.dir)
    models = store.manifest.models
    now = models.get(spec_of("llm", settings.llm).model(settings.llm))
    if now is None:
        return  # of others nobody knows how good they are
    for name, change in _candidates(cores, free):
        shipped = load_settings(name, [], {}).settings
        there = changed(shipped, "llm", change)
        spec = spec_of("llm", there.llm)
        model = models[spec.model(there.llm)]
        if model.size <= now.size:
            return
        needed = dict.fromkeys(file for one in chosen(there) for file in one.spec.files(one.settings))
        files = [models[file] for file in needed]
        on_gpu, speed = spec.device(there.llm) == "gpu", spec.speed(there.llm, store)
        if not _fits(files, free, on_gpu=on_gpu) or not (on_gpu or _is_fast(speed)):
            continue
        told = f"about {speed.reply_tokens_per_s:.0f} tokens/s by estimate" if speed else "on the GPU"
        text = f"a better language model fits this machine: {model.name} ({model.size / 1e9:.1f} GB, {told})"
        sets = [f" --set llm.{key}={change[key]}" for key in change if change[key] != getattr(shipped.llm, key)]
        absent = [one.name for one in files if not all(store.own(one, file).is_file() for file in one.files)]
        pull = f"voiceagent weights pull {' '.join(absent)} && " if absent else ""
        yield Finding("better llm", Verdict.OK, text, f"{pull}voiceagent serve --config {name}{''.join(sets)}")
        return


def _candidates(cores: int, free: Free) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield configurations and what to set of `llm` in them on this machine, the best first."""
    if free.gpu is not None or free.shared:
        for name in ON_GPU:
            yield name, {"gpu_layers": -1}
    threads = max(1, min(MOST_THREADS, cores // 2))  # the other cores hear and speak
    for name in ON_CPU:
        yield name, {"threads": threads}


def _fits(models: Sequence[Model], free: Free, *, on_gpu: bool) -> bool:
    there = free.gpu if on_gpu and not free.shared else free.main
    return there is None or sum(model.size for model in models) + (ROOM_ON_GPU if on_gpu else ROOM) <= there


def _is_fast(speed: Speed | None) -> bool:
    return speed is not None and speed.first_words_s(Talk()) <= PATIENCE_S
