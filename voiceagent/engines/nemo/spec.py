"""What models in NeMo's modules have in common: settings, memory, doctor's checks."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from voiceagent.config.section import Section
from voiceagent.config.values import Threads
from voiceagent.engines.finding import Finding, problem, warning
from voiceagent.engines.memory import DEVICE_RUNTIME, MemoryUse, Place
from voiceagent.engines.nemo.checkpoint import OVERHEAD_BYTES
from voiceagent.engines.nemo.memory import RUNTIME_BYTES
from voiceagent.engines.nemo.runtime import DeviceName, DtypeName
from voiceagent.engines.spec import BuildContext, Device, EngineSpec

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "nemo-toolkit")


class NemoSettings(Section):
    """Where and how a model in NeMo's modules runs."""

    device: DeviceName = "auto"
    """Where the model runs; auto takes the GPU if there is one."""
    dtype: DtypeName = "auto"
    """The type of the weights; auto: bfloat16 on a GPU, float32 on a CPU; 8 bits are less exact, float8 needs a GPU."""
    threads: Threads = 1
    """CPU threads of the model."""


class NemoSpec(EngineSpec[Any]):
    """Describes a backend that runs in NeMo's modules."""

    def device(self, settings: Any) -> Device:
        """Return where the settings put it."""
        return "gpu" if settings.device == "cuda" else settings.device

    def findings(self, settings: Any, context: BuildContext) -> Iterator[Finding]:
        """Yield a problem if it must run on a GPU and there is none, a warning for a torch without CUDA."""
        if settings.device == "cuda" and not context.has_gpu:
            yield problem(
                self.kind,
                f"nvidia-smi lists none, and {self.kind}.device is cuda",
                f"set {self.kind}.device to auto or cpu",
            )
        if context.has_gpu and settings.device != "cpu" and _torch().endswith("+cpu"):
            yield warning(
                self.kind, "this torch is built without CUDA", "install a build of torch for the driver's CUDA"
            )

    def try_gpu(self, settings: Any, context: BuildContext) -> Iterator[Finding]:
        """Yield what is found of the GPU itself, the same for all models in torch, and of this model's steps on it."""
        if not self.on_gpu(settings, context):
            return
        from voiceagent.engines.nemo.runtime import pick_device, require_nemo

        require_nemo()
        device = pick_device("cuda")
        from voiceagent.engines.nemo.trial.device import findings_of

        yield from findings_of(device)
        yield from self.try_model(device)

    def try_model(self, device: "torch.device") -> Iterator[Finding]:
        """Yield whether a small model of this kind computes the same on a device as on the CPU."""
        yield from ()

    def on_gpu(self, settings: Any, context: BuildContext) -> bool:
        """Return whether it runs on a GPU here."""
        return settings.device == "cuda" or (settings.device == "auto" and context.has_gpu)

    def uses(
        self,
        settings: Any,
        context: BuildContext,
        *,
        model: str,
        stored: int,
        packed: float,
        caches: int,
        per_session: int,
    ) -> tuple[MemoryUse, ...]:
        """Return what a model takes, from its sizes in float32, the format in which it is stored and read.

        `packed` is the share of the weights that 8 bits make a quarter of; on a GPU the rest is bfloat16 then.
        """
        on_gpu = self.on_gpu(settings, context)
        divisor = 2 if settings.dtype == "bfloat16" or (settings.dtype != "float32" and on_gpu) else 1
        narrow = packed if settings.dtype in ("int8", "float8") else 0.0
        weights = int(stored * narrow / 4) + int(stored * (1 - narrow)) // divisor
        there = MemoryUse(
            engine=self.kind,
            model=model,
            place=Place.GPU if on_gpu else Place.MAIN,
            weights=weights,
            caches=caches // divisor,
            workspace=OVERHEAD_BYTES + (DEVICE_RUNTIME if on_gpu else RUNTIME_BYTES),
            loading=0 if on_gpu else stored - weights,
            per_session=per_session // divisor,
            in_torch=True,
        )
        if not on_gpu:
            return (there,)
        return (there, MemoryUse(engine=self.kind, model=model, workspace=RUNTIME_BYTES, loading=stored))


def _torch() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""
