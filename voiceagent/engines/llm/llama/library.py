"""Whether the llama.cpp that is loaded is the one that its Python bindings describe, and runs on this processor.

The bindings (`llama_cpp`) repeat llama.cpp's C structures field by field. A library of another version, which
LLAMA_CPP_LIB_PATH or a wheel from elsewhere may bring, can lay them out differently; then each call reads and writes
the wrong memory. The defaults that llama.cpp fills in give it away. A library compiled for a newer processor is stopped
by the first instruction that this one lacks, and so is one that believes a virtual machine which announces what it
cannot run; `probe` finds that out by a small computation in a process of its own.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from voiceagent.engines.llm.llama.first_decode import decode
from voiceagent.errors import VoiceAgentError

COMPILE_AGAIN = "pip install --force-reinstall --no-cache-dir --no-deps --no-binary llama-cpp-python llama-cpp-python"
"""Makes a library that fits both the bindings and this processor."""
ANOTHER = f"unset LLAMA_CPP_LIB_PATH if it is set; otherwise {COMPILE_AGAIN}"
NO_TILES = "-mno-amx-tile -mno-amx-int8"
WITHOUT_TILES = f'CFLAGS="{NO_TILES}" CXXFLAGS="{NO_TILES}" {COMPILE_AGAIN} (`make` leaves AMX out by itself)'
TILES = "AMX"
"""Begins the names of the instructions that virtual machines are known to announce and not to run."""
PROBE_WITHIN_S = 30
ROOM = 256
"""Bytes by which another version's structure may be larger without harm while it is looked at."""
MODEL = {"split_mode": 1, "main_gpu": 0, "vocab_only": False, "check_tensors": False, "use_extra_bufts": True}
"""Defaults from the beginning, the middle and the end of a structure (llama.cpp's `llama_model_default_params`)."""
CONTEXT = {
    "n_ctx": 512,
    "n_seq_max": 1,
    "rope_scaling_type": -1,
    "attention_type": -1,
    "yarn_ext_factor": -1.0,
    "type_k": 1,
    "type_v": 1,
    "embeddings": False,
    "offload_kqv": True,
    "op_offload": True,
    "kv_unified": False,
}
"""The same of `llama_context_default_params`."""


class LibraryError(VoiceAgentError):
    """This llama.cpp is of no use here."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy
        """What mends it."""


@cache
def check_library() -> None:
    """Raise LibraryError where llama.cpp does not load, or its structures are not as the bindings declare them."""
    try:
        from llama_cpp import llama_cpp as lib
    except (AttributeError, OSError, RuntimeError) as error:
        remedy = "apt install libgomp1" if "libgomp" in str(error) else ANOTHER
        raise LibraryError(f"llama.cpp does not load ({error})", remedy) from error
    check_layout("llama_model_params", defaults(lib.llama_model_default_params), MODEL)
    check_layout("llama_context_params", defaults(lib.llama_context_default_params), CONTEXT)


def defaults(function: Any) -> Any:
    """Return the structure that a function of llama.cpp fills in, which may be larger than the bindings declare."""

    class Roomy(ctypes.Structure):
        _fields_ = [("declared", function.restype), ("room", ctypes.c_char * ROOM)]

    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address
    return ctypes.CFUNCTYPE(Roomy)(address)().declared


def check_layout(name: str, structure: Any, expected: Mapping[str, object]) -> None:
    """Raise LibraryError where fields of a structure with llama.cpp's defaults are not `expected`."""
    found = {field: getattr(structure, field, None) for field in expected}
    if wrong := [f"{field} is {found[field]}" for field in expected if found[field] != expected[field]]:
        what = f"This llama.cpp is of another version than its Python bindings (in {name}, {', '.join(wrong)})"
        raise LibraryError(what, ANOTHER)


def probe(command: Sequence[str] = (sys.executable, "-m", "voiceagent.engines.llm.llama.library")) -> str:
    """Let llama.cpp compute in a process of its own and return its version and the instruction sets that it uses.

    Raises LibraryError when it does not come so far.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_WITHIN_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise LibraryError(f"llama.cpp does not load within {PROBE_WITHIN_S} s", "try again") from error
    described = done.stdout.strip()
    if done.returncode == -signal.SIGILL:
        if TILES in described:
            what = "llama.cpp dies of an illegal instruction: this machine announces AMX and cannot run it"
            raise LibraryError(what, WITHOUT_TILES)
        raise LibraryError("llama.cpp was compiled for a newer processor than this one", COMPILE_AGAIN)
    if done.returncode < 0:
        how = f"dies of {signal.Signals(-done.returncode).name}"
        raise LibraryError(f"llama.cpp {how} when it {'computes' if described else 'is loaded'}", ANOTHER)
    if done.returncode:
        *_, what, remedy = ["llama.cpp does not load", ANOTHER, *done.stderr.strip().splitlines()]
        raise LibraryError(what, remedy)
    return described


def check_tiles() -> None:
    """Raise LibraryError where llama.cpp uses AMX and dies of it. It is tried only then: that takes another process."""
    if any(name.startswith(TILES) for name in instruction_sets()):
        probe()


def instruction_sets() -> list[str]:
    """Return the names of the processor's instructions that llama.cpp uses."""
    from llama_cpp import llama_cpp as lib

    features = lib.llama_print_system_info().decode().partition(":")[2].split("|")
    return [name.strip() for name, _, value in (feature.partition("=") for feature in features) if value.strip() == "1"]


def describe() -> str:
    """Return llama.cpp's version and the instruction sets that it uses. Raises LibraryError as check_library does."""
    check_library()
    from llama_cpp import llama_cpp as lib

    return f"llama.cpp {lib.llama_version().decode()}: {', '.join(instruction_sets())}"


def main() -> None:
    """Print what llama.cpp is, then let it compute: who started this process learns how far it came."""
    try:
        print(describe(), flush=True)
        decode()
    except LibraryError as error:
        sys.exit(f"{error.what}\n{error.remedy}")
    except RuntimeError as error:
        sys.exit(f"llama.cpp does not compute ({error})\n{ANOTHER}")


if __name__ == "__main__":
    main()
