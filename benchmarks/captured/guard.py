"""Lets a torch built for a CPU compute shapes and devices of fake CUDA tensors.

All that it lacks is a device guard; one that switches nothing is compiled here, which takes two seconds of g++ or
clang, and loaded into this process.
"""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

SOURCE = """
#include <c10/core/impl/DeviceGuardImplInterface.h>
namespace {
C10_REGISTER_GUARD_IMPL(CUDA, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA>)
}
"""


def compiler() -> str | None:
    """Return the C++ compiler; None where there is none."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")


@cache
def load_guard() -> None:
    """Register the guard; once is enough. Does nothing where torch was built with CUDA, which has its own."""
    if torch.version.cuda is not None:
        return
    made = compiler()
    if made is None:
        raise OSError("There is no C++ compiler to make the device guard with: install g++")
    root = Path(torch.__file__).parent
    with TemporaryDirectory(prefix="voiceagent-guard-") as folder:
        library = Path(folder) / "guard.so"
        options = ("-x", "c++", "-", "-shared", "-fPIC", "-std=c++20", f"-I{root}/include", f"-L{root}/lib")
        subprocess.run(
            [made, *options, "-Wl,--no-as-needed", "-lc10", "-o", str(library)], input=SOURCE, text=True, check=True
        )
        torch.ops.load_library(str(library))
