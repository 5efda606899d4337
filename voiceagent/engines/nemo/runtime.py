"""NeMo and torch in a server's process: imported once, without side effects, on the device the settings name.

Importing takes ten seconds or more: engines call `import_nemo` first in `load`, on their own threads, while other
models load. This is the only place that imports NeMo's collections for the first time.
"""

import importlib
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from voiceagent.engines.nemo.isolation import isolation
from voiceagent.errors import VoiceAgentError

if TYPE_CHECKING:
    import torch

Collection = Literal["asr", "tts"]
DeviceName = Literal["auto", "cpu", "cuda"]
DtypeName = Literal["auto", "float32", "bfloat16", "int8", "float8"]
FLOAT8_FROM = (8, 9)
"""The compute capability from which a GPU reads floating point of 8 bits."""

_lock = threading.Lock()
_imported: set[str] = set()


def require_nemo() -> None:
    """Raise VoiceAgentError if torch or NeMo is not installed; imports neither."""
    missing = [package for package in ("torch", "nemo") if find_spec(package) is None]
    if missing:
        raise VoiceAgentError(
            f"{' and '.join(missing)} cannot be found: run `pip install 'voiceagent[nemo]'`"
            " (on a GPU, with a build of torch for its CUDA version)"
        )


def import_nemo(collection: Collection = "asr") -> None:
    """Import one of NeMo's collections, unless that has been done. Raises VoiceAgentError if that fails.

    Can be called from any thread. NeMo's messages go to the logger "nemo", from WARNING on.
    """
    with _lock:
        if collection in _imported:
            return
        require_nemo()
        logging.getLogger("nv_one_logger").setLevel(logging.ERROR)  # it warns that there is no telemetry
        try:
            with isolation():
                importlib.import_module(f"nemo.collections.{collection}.models")
                _tame()
        except (ImportError, OSError) as error:  # OSError: a shared library that does not fit
            raise VoiceAgentError(
                f"NeMo is installed but cannot be imported ({error}): run `pip install 'voiceagent[nemo]'` again,"
                " in an environment of its own"
            ) from error
        _imported.add(collection)


@contextmanager
def quiet() -> Iterator[None]:
    """Drop NeMo's remarks on training, graphs and files while it builds or restores a model. Errors are kept."""
    logger = logging.getLogger("nemo")
    level = logger.level
    logger.setLevel(max(level, logging.ERROR))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def pick_device(setting: DeviceName) -> "torch.device":
    """Return the device to run on; `auto` takes a GPU if there is one. Raises VoiceAgentError without a usable GPU."""
    import torch

    if setting == "cpu" or (setting == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        why = "this torch is built without CUDA" if torch.version.cuda is None else "the driver offers none"
        raise VoiceAgentError(
            f"No GPU for `device: cuda` ({why}): install a build of torch for this machine's CUDA version,"
            " or set `device: cpu`"
        )
    return torch.device("cuda", torch.cuda.current_device())


def pick_dtype(setting: DtypeName, device: "torch.device") -> "torch.dtype":
    """Return the weights' number format; `auto` is bfloat16 on a GPU and float32 on a CPU: nothing that computes
    other results on a CPU is chosen unasked. Raises VoiceAgentError where the device lacks it.
    """
    import torch

    if setting == "auto":
        setting = "bfloat16" if device.type == "cuda" else "float32"
    if setting == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise VoiceAgentError(f"{torch.cuda.get_device_name(device)} cannot compute in bfloat16: set `dtype: float32`")
    if setting == "int8" and device.type == "cpu":
        from voiceagent.engines.nemo.linears import require_int8

        require_int8()
    if setting == "float8" and (device.type == "cpu" or torch.cuda.get_device_capability(device) < FLOAT8_FROM):
        raise VoiceAgentError(
            "`dtype: float8` needs a GPU of compute capability 8.9 or higher (Ada, Hopper, Blackwell), which this"
            " machine does not have: set `dtype: int8` or `dtype: auto`"
        )
    dtypes = {
        "float32": torch.float32,
        "bfloat16": torch.bfloat16,
        "int8": torch.int8,
        "float8": torch.float8_e4m3fn,
    }
    return dtypes[setting]


def _tame() -> None:
    """Turn off what NeMo would keep doing after its import."""
    from nemo.core.utils import cuda_python_utils
    from nemo.lightning.callback_group import CallbackGroup
    from nemo.utils import logging as nemo_logging

    logger = logging.getLogger("nemo")
    logger.setLevel(logging.WARNING)
    nemo_logging.captureWarnings(False)
    nemo_logging._handlers.clear()
    nemo_logging._logger = logger
    CallbackGroup.get_instance().callbacks.clear()  # the only one is the telemetry's
    if hasattr(cuda_python_utils, "nvrtc") and not isinstance(cuda_python_utils.nvrtc, OwnLogBuffer):
        cuda_python_utils.nvrtc = OwnLogBuffer(cuda_python_utils.nvrtc)


class OwnLogBuffer:
    """NVRTC as NeMo sees it, with a buffer of its own for the compiler's log.

    NeMo passes `b" " * size`. For an empty log the size is 1, and CPython has a single object for `b" "`: the
    terminating zero would be written into every `b" "` of the process, which HTTP parsers split by.
    """

    def __init__(self, nvrtc: Any) -> None:
        self._nvrtc = nvrtc

    def __getattr__(self, name: str) -> Any:
        return getattr(self._nvrtc, name)

    def nvrtcGetProgramLog(self, program: Any, lent: bytes) -> Any:  # noqa: N802
        """Fetch the log into private memory; NeMo does not read it."""
        return self._nvrtc.nvrtcGetProgramLog(program, bytes(len(lent) + 1))
