"""Which lanes compute on a GPU, and which GPUs that takes: what memory, costs and scheduling are reckoned from."""

from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu, nvidia_gpus


def lanes_on_gpu(settings: Settings, *, has_gpu: bool) -> frozenset[str]:
    """Return the lanes that compute on a GPU, on a machine that has one or has not: some are told to in any case."""
    asr, llm, tts = settings.asr, settings.llm, settings.tts
    devices = {
        "asr": asr.device if asr.engine == "nemotron" else "cpu",
        "llm": "cuda" if llm.engine == "llama" and llm.gpu_layers else "cpu",
        "tts": tts.device if tts.engine == "magpie" else "cpu",
    }
    return frozenset(lane for lane, device in devices.items() if device == "cuda" or (device == "auto" and has_gpu))


def wants_gpu(settings: Settings) -> bool:
    """Tell whether some lane would compute on a GPU, if there is one."""
    return bool(lanes_on_gpu(settings, has_gpu=True))


def gpus_for(settings: Settings) -> tuple[Gpu, ...]:
    """Return the GPUs that these settings would use, as they are now. Asks the driver, which takes a while."""
    return nvidia_gpus() if wants_gpu(settings) else ()
