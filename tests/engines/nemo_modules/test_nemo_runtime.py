"""NeMo in a server's process: what importing it must leave alone, and what is said when it is missing."""

import ctypes
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from voiceagent.engines.nemo import runtime
from voiceagent.errors import VoiceAgentError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

SERVER = """
import json, logging, os, signal, sys, threading, warnings

logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="ours %(name)s %(message)s")
os.environ["RANK"] = "0"  # as under a launcher: NeMo would switch its telemetry on
hook = sys.excepthook = lambda *error: None
handler = lambda number, frame: None
signal.signal(signal.SIGTERM, handler)
show = warnings.showwarning = lambda *message, **more: None

def state():
    return {
        "showwarning": warnings.showwarning is show,
        "formatwarning": repr(warnings.formatwarning),
        "filters": repr(warnings.filters),
        "excepthook": sys.excepthook is hook,
        "thread excepthook": repr(threading.excepthook),
        "signals": repr([(n, signal.getsignal(n)) for n in signal.valid_signals()]),
        "environment": dict(os.environ),
        "path": sys.path,
        "folder": os.getcwd(),
        "root": [repr(logging.root.handlers), logging.root.level],
        "uvicorn": [repr(logging.getLogger("uvicorn").handlers), logging.getLogger("uvicorn").level],
        "record factory": repr(logging.getLogRecordFactory()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }

logging.getLogger("uvicorn").addHandler(logging.StreamHandler())
logging.getLogger("uvicorn").setLevel(logging.INFO)
before = state()
from voiceagent.engines.nemo.runtime import import_nemo
import_all = lambda: (import_nemo("asr"), import_nemo("tts"))
others = [threading.Thread(target=import_all) for _ in range(2)] if sys.argv[1] == "threads" else []
for thread in others: thread.start()
for thread in others: thread.join()
import_all()
after = state()

def writes(logger):
    return [repr(handler) for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
known = logging.root.manager.loggerDict.items()
loggers = {name: logger for name, logger in known if isinstance(logger, logging.Logger)}
from nemo.utils import logging as nemo_logging
from nemo.lightning.callback_group import CallbackGroup
nemo_logging.info("an unheard remark")
nemo_logging.warning("a warning of NeMo's")
print(json.dumps({
    "changed": {key: [before[key], after[key]] for key in before if before[key] != after[key]},
    "writing": {name: writes(logger) for name, logger in loggers.items() if name != "uvicorn" and writes(logger)},
    "talkative": [name for name, logger in loggers.items()
                  if logger.propagate and name != "uvicorn" and 0 < logger.level < logging.WARNING],
    "telemetry": len(CallbackGroup.get_instance().callbacks),
}))
"""


@pytest.fixture(scope="module", params=["alone", "threads"])
def server(request: pytest.FixtureRequest) -> subprocess.CompletedProcess[str]:
    """A process that imported NeMo: once by itself, or from several threads at a time."""
    return subprocess.run([sys.executable, "-c", SERVER, request.param], capture_output=True, text=True, check=True)


def test_the_process_is_as_it_was_before_the_import(server: subprocess.CompletedProcess[str]) -> None:
    assert json.loads(server.stdout)["changed"] == {}


def test_no_logger_but_the_servers_writes_to_the_terminal(server: subprocess.CompletedProcess[str]) -> None:
    seen = json.loads(server.stdout)
    assert (seen["writing"], seen["talkative"]) == ({}, [])


def test_nothing_is_said_but_nemos_warnings_and_those_through_our_handlers(
    server: subprocess.CompletedProcess[str],
) -> None:
    assert server.stdout.count("\n") == 1
    assert server.stderr == "ours nemo a warning of NeMo's\n"


def test_no_telemetry_is_on(server: subprocess.CompletedProcess[str]) -> None:
    assert json.loads(server.stdout)["telemetry"] == 0


def test_an_empty_compiler_log_does_not_overwrite_the_interpreters_only_blank() -> None:
    runtime.import_nemo()
    from nemo.core.utils import cuda_python_utils

    space = b" x"[0:1]
    assert space is b"  "[1:2], "CPython has one object for each single byte: else there is nothing to protect"

    def write_log(program: object, buffer: bytes) -> tuple[int]:
        header = bytes.__basicsize__ - 1  # the bytes follow the object's header
        ctypes.memset(id(buffer) + header, 0, 1)
        return (0,)

    spared = runtime.OwnLogBuffer(SimpleNamespace(nvrtcGetProgramLog=write_log, nvrtcCreateProgram="the rest"))
    assert spared.nvrtcGetProgramLog(None, b" " * 1) == (0,)
    assert spared.nvrtcCreateProgram == "the rest"
    assert b" x"[0:1] == bytes([32])
    assert not hasattr(cuda_python_utils, "nvrtc") or isinstance(cuda_python_utils.nvrtc, runtime.OwnLogBuffer)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_nemos_cuda_graph_decoder_leaves_the_blank_alone() -> None:
    runtime.import_nemo()
    from nemo.core.utils.cuda_python_utils import run_nvrtc

    torch.zeros(1, device="cuda")  # a context to compile in
    run_nvrtc('extern "C" __global__ void nothing() {}', b"nothing", b"nothing.cu")
    assert b" x"[0:1] == bytes([32])


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_imported", set())
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(VoiceAgentError, match=r"torch and nemo cannot be found: run `pip install 'voiceagent\[nemo"):
        runtime.import_nemo()


@pytest.mark.parametrize("error", [ImportError("no module named lhotse"), OSError("libcudart.so.13")])
def test_a_broken_installation_says_what_broke(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(runtime, "_imported", set())
    monkeypatch.setattr(runtime.importlib, "import_module", fail)
    with pytest.raises(VoiceAgentError, match=str(error)):
        runtime.import_nemo()


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime.pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert runtime.pick_device("auto") == runtime.pick_device("cuda") == torch.device("cuda", 1)
    assert runtime.pick_device("cpu") == torch.device("cpu")


def test_a_gpu_that_is_not_there_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.pick_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(VoiceAgentError, match=r"built without CUDA.*set `device: cpu`"):
        runtime.pick_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(VoiceAgentError, match="the driver offers none"):
        runtime.pick_device("cuda")


def test_the_number_format_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: True)
    assert runtime.pick_dtype("auto", cpu) is torch.float32
    assert runtime.pick_dtype("auto", gpu) is torch.bfloat16
    assert runtime.pick_dtype("bfloat16", cpu) is torch.bfloat16
    assert runtime.pick_dtype("float32", gpu) is torch.float32


def test_a_gpu_too_old_for_bfloat16_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **how: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    with pytest.raises(VoiceAgentError, match="Tesla T4 cannot compute in bfloat16: set `dtype: float32`"):
        runtime.pick_dtype("auto", torch.device("cuda", 0))


def test_weights_of_8_bits_in_floating_point_are_for_gpus_that_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda", 0)
    with pytest.raises(VoiceAgentError, match=r"capability 8\.9 or higher.*set `dtype: int8`"):
        runtime.pick_dtype("float8", torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    with pytest.raises(VoiceAgentError, match=r"capability 8\.9 or higher"):
        runtime.pick_dtype("float8", gpu)
    for capability in ((8, 9), (9, 0), (12, 1)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, capability=capability: capability)
        assert runtime.pick_dtype("float8", gpu) is torch.float8_e4m3fn
