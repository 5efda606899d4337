"""The GPU that is here, tried: `voiceagent doctor --gpu`. What a machine without one cannot show is named.

Knows no engine: each tries itself (`EngineSpec.try_gpu`).
"""

from collections.abc import Iterator

from voiceagent.app.capacity.memory_plan import build_context
from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, skipped, warning
from voiceagent.engines.machine import nvidia_gpus

UNSEEN = {
    "gpu torch": "whether this torch has kernels for the GPU",
    "gpu graphs": "whether CUDA graphs are recorded and replayed, and what a launch costs",
    "gpu kernels": "whether Triton compiles the fused kernels",
    "gpu streams": "whether streams overlap, and what priorities do",
    "gpu memory": "what the driver takes of the memory, beside what the plan allows",
    "asr on gpu": "whether the recogniser hears there what it hears on the CPU",
    "llm on gpu": "whether the language model computes there what it computes on the CPU",
    "tts on gpu": "whether the voice says and sounds there what it does on the CPU",
}
"""What is looked at where there is a GPU."""


def try_gpus(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of the GPU with these settings, each as soon as it is known. Takes a minute or two."""
    gpus = nvidia_gpus()
    if not gpus:
        for check, what in UNSEEN.items():
            yield skipped(check, f"nvidia-smi reports no GPU: not seen is {what}")
        return
    context = build_context(settings, has_gpu=True)
    told: set[Finding] = set()
    for one in chosen(settings):
        try:
            for finding in one.spec.try_gpu(one.settings, context):
                if finding not in told:
                    told.add(finding)
                    yield finding
        except Exception as error:  # a broken engine says nothing about the others
            yield warning(f"{one.kind} on gpu", f"could not be tried ({type(error).__name__}: {error})")
    if not told:
        yield skipped("gpu", "these settings put no model there")
