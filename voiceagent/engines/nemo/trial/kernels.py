"""Which fused kernels a trial found unfit for the GPU."""

from collections.abc import Iterator

from voiceagent.engines.finding import Finding, warning
from voiceagent.engines.nemo.fused import operation


def left_out(check: str, before: frozenset[str]) -> Iterator[Finding]:
    """Yield a warning for every kernel that cannot be used, but for those known `before`."""
    for name in sorted(operation.FAILED.keys() - before):
        text = f"the kernel {name} cannot be used ({operation.FAILED[name]}): torch's functions stand in for it"
        yield warning(check, text, "report it with this output; steps take more kernels meanwhile")
