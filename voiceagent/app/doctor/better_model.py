"""Which of the shipped configurations has the best language model that a machine carries: enough memory, fast enough.

Decided from the number of cores, the free memory and the manifest alone. Nothing is measured here: on a CPU the speed is
estimated; a GPU that holds a model is taken to be fast enough.
"""

from collections.abc import Iterator

from voiceagent.app.capacity.memory_plan import memory_plan
from voiceagent.app.settings import changed, load_settings
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, Verdict
from voiceagent.engines.llm.llama.spec import LlamaSettings
from voiceagent.engines.llm.llama.speed import Speed, cpu_speed
from voiceagent.engines.steps import Talk
from voiceagent.scheduler.memory import Free
from voiceagent.weights import FileState, Model, Store

ON_GPU = ("spark.yaml", "rtx5090.yaml", "laptop.yaml")
"""Configurations for a GPU, the best first."""
ON_CPU = ("laptop.yaml", "qwen.yaml", "qwen-small.yaml")
"""The same for a CPU."""
PATIENCE_S = 0.85
"""The language model's share of `scheduler.promise_ms` (1.2 s); hearing, judging and speaking take the rest."""
MOST_THREADS = 8
"""More threads wait for each other and for the memory."""


def better_model(settings: Settings, cores: int, free: Free) -> Iterator[Finding]:
    """Yield the command for a better language model than the one that is set, if this machine carries one."""
    store = Store(settings.weights.dir)
    now = settings.llm
    if not isinstance(now, LlamaSettings) or now.model not in store.manifest.models:
        return  # of others nobody knows how good they are
    for name, change in _candidates(cores, free):
        shipped = load_settings(name, [f"weights.dir={store.root}"], {}).settings
        there = changed(shipped, "llm", change)
        assert isinstance(there.llm, LlamaSettings)
        model = store.manifest.model(there.llm.model)
        if model.size <= store.manifest.model(now.model).size:
            return
        speed = None if there.llm.gpu_layers else _speed(model, there.llm.threads)
        if memory_plan(there, free).fits and (speed is None or speed.first_words_s(Talk()) <= PATIENCE_S):
            told = f", about {speed.reply_tokens_per_s:.0f} tokens/s by estimate" if speed else ", on the GPU"
            text = f"a better language model fits this machine: {model.name} ({model.size / 1e9:.1f} GB{told})"
            sets = [f" --set llm.{key}={change[key]}" for key in change if change[key] != getattr(shipped.llm, key)]
            command = f"voiceagent serve --config {name}{''.join(sets)}"
            yield Finding("better llm", Verdict.OK, text, " && ".join([*_pull(there, store), command]))
            return


def _candidates(cores: int, free: Free) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield configurations and what to set of `llm` in them on this machine, the best first."""
    if free.gpu is not None or free.shared:
        for name in ON_GPU:
            yield name, {"gpu_layers": -1}
    threads = max(1, min(MOST_THREADS, cores // 2))  # the other cores hear and speak
    for name in ON_CPU:
        yield name, {"threads": threads}


def _speed(model: Model, threads: int) -> Speed:
    assert model.parameters, f"{model.name} has no parameters in the manifest"
    return cpu_speed(model.parameters, model.size, threads)


def _pull(settings: Settings, store: Store) -> Iterator[str]:
    """Yield the command that fetches the models that are not here, if some are not."""
    names = dict.fromkeys(name for one in chosen(settings) for name in one.spec.files(one.settings))
    models = [store.manifest.models[name] for name in names if name in store.manifest.models]
    absent = [one.name for one in models if any(store.state(one, file) is FileState.ABSENT for file in one.files)]
    if absent:
        yield f"voiceagent weights pull {' '.join(absent)}"
