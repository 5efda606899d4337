"""Whether a build of torch holds kernels for a GPU. Plain data: needs no torch."""

import re
from collections.abc import Sequence

Capability = tuple[int, int]


def fits(architectures: Sequence[str], capability: Capability) -> bool:
    """Return whether torch's list of architectures (`torch.cuda.get_arch_list()`) has one that runs on a GPU.

    Compiled kernels (sm_90) run on GPUs of the same major number and at least the same minor one; those whose name ends
    in a letter on exactly one; intermediate code (compute_90) is compiled for any later GPU when it is first used.
    """
    return any(_runs(name, capability) for name in architectures)


def _runs(name: str, capability: Capability) -> bool:
    found = re.fullmatch(r"(sm|compute)_(\d+)(\d)([a-z]?)", name)
    if found is None:
        return False
    there = int(found[2]), int(found[3])
    if found[4]:
        return there == capability
    if found[1] == "compute":
        return there <= capability
    return there[0] == capability[0] and there[1] <= capability[1]
