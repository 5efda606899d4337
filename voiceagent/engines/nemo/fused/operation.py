"""Operations that a GPU does in one kernel where torch's own functions take several.

Each has a plain form in torch's functions, which says what it computes and runs on a CPU; a kernel in Triton, which is
imported and compiled when a GPU first needs it; and the shape of its result, with which recordings are counted where
there is no GPU. Tests run the kernels in Triton's interpreter and compare them with the plain form.

Triton comes with torch's builds for CUDA. It needs a C compiler and Python's headers on the machine: `works` tries it,
and engines take torch's functions where it fails. A single kernel that does not compile for a GPU is left out: its
plain form stands in for it.
"""

import logging
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import torch

log = logging.getLogger(__name__)

REMEDY = (
    "steps take several times as many kernels. Triton needs a C compiler and Python's headers"
    " (Debian/Ubuntu: apt install build-essential python3-dev)"
)
NAMESPACE = "voiceagent"
PACKAGE = "voiceagent.engines.nemo.fused.kernels"
MOVED: dict[str, Callable[..., int]] = {}
"""From an operation's name to the bytes that it reads and writes, given its arguments."""
KERNELS: dict[str, str] = {}
"""From an operation's name to its kernel's module and launching function, `module:function`."""
PLAIN: dict[str, Callable[..., Any]] = {}
"""From an operation's name to its plain form."""
PRODUCTS: set[str] = set()
"""The operations that multiply matrices."""

FAILED: dict[str, str] = {}
"""From the name of an operation whose kernel cannot be used to the reason; its plain form runs on the GPU."""

_library = torch.library.Library(NAMESPACE, "DEF")


def define(
    schema: str,
    *,
    plain: Callable[..., Any],
    shape: Callable[..., Any],
    kernel: str,
    moved: Callable[..., int],
    products: bool = False,
) -> Callable[..., Any]:
    """Return an operation, `torch.ops.voiceagent.NAME`, with this schema, in PyTorch's notation.

    `shape` returns empty tensors like those of the result. `kernel` is `module:function`, in this package; `moved`
    returns the bytes that must be read and written; `products` says that it multiplies matrices.
    """
    name = schema.split("(", 1)[0]
    KERNELS[name], PLAIN[name], MOVED[name] = kernel, plain, moved
    if products:
        PRODUCTS.add(name)
    _library.define(schema)
    _library.impl(name, lambda *given: PLAIN[name](*given), "CPU")
    _library.impl(name, lambda *given: launched(name, *given), "CUDA")
    torch.library.register_fake(f"{NAMESPACE}::{name}", shape)
    operation: Callable[..., Any] = getattr(torch.ops.voiceagent, name)
    return operation


def launcher(name: str) -> Callable[..., Any]:
    """Return the function that launches an operation's kernel. Raises ImportError without Triton."""
    module, _, function = KERNELS[name].partition(":")
    launch: Callable[..., Any] = getattr(import_module(f"{PACKAGE}.{module}"), function)
    return launch


def launched(name: str, *given: Any) -> Any:
    """Do an operation by its kernel, or by its plain form once that has failed, as when a step is warmed up.

    Raises torch.OutOfMemoryError, and what the plain form raises.
    """
    if name not in FAILED:
        try:
            return launcher(name)(*given)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # whatever a compiler or its launcher raise
            FAILED[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            log.warning("the kernel %s cannot be used, torch's functions stand in: %s", name, FAILED[name])
    return PLAIN[name](*given)


def works(device: torch.device) -> bool:
    """Return whether kernels can be used on a device: only on a GPU where Triton compiles one that computes right."""
    return device.type == "cuda" and not trouble(device)


@cache
def trouble(device: torch.device) -> str:
    """Return why kernels cannot be used on a device, or nothing; it is tried once, and logged."""
    why = ""
    try:
        double = import_module(f"{PACKAGE}.trial").double
        given = torch.arange(100.0, device=device)
        if not bool((double(given) == 2 * given).all()):
            why = "a kernel computes wrongly"
    except Exception as error:  # whatever a compiler, its launcher or the driver raise
        why = f"{type(error).__name__}: {error}".splitlines()[0]
    if why:
        log.warning("Triton's kernels cannot be used on the GPU (%s): %s", why, REMEDY)
    return why
