"""Every fused kernel, in Triton's interpreter, computes what its plain form says; and each compiles for every GPU."""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from fused_examples import EXAMPLES  # noqa: E402 (needs torch)

from voiceagent.engines.nemo.fused import operation  # noqa: E402

ARCHITECTURES = (90, 120, 121)
"""Compute capabilities: H100 and H200, RTX 5090, DGX Spark."""
MOST_SHARED = 99 * 1024
"""Bytes of shared memory that a block may have on compute capability 12.0 and 12.1; on 9.0 there are more."""
ALIGNED = [["tt.divisibility", 16]]
"""What a launch says of addresses, and of sizes that are multiples of 16: then loads run ahead in shared memory."""
NUMBERS = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.int64: "i64",
    torch.bool: "i1",
    torch.uint8: "u8",
    torch.int8: "i8",
    torch.float8_e4m3fn: "fp8e4nv",
}


def interpreted(*arguments: str) -> Any:
    pytest.importorskip("triton")
    command = [sys.executable, str(Path(__file__).with_name("fused_interpreter.py")), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=1_500, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def differences() -> dict[str, str]:
    """What each interpreted kernel computes otherwise than its plain form."""
    found: dict[str, str] = interpreted()
    return found


def test_there_is_an_example_of_every_operation() -> None:
    assert set(EXAMPLES) == set(operation.KERNELS) == set(operation.PLAIN) == set(operation.MOVED)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kernel_computes_what_its_plain_form_says(name: str, differences: dict[str, str]) -> None:
    assert not differences[name], differences[name]


def test_engines_with_interpreted_kernels_hear_and_say_and_sound_the_same() -> None:
    found = interpreted("engines")
    ours, plain = found["with kernels"], found["without"]
    assert ours["tokens"] == plain["tokens"]
    assert sum(map(len, ours["tokens"])) > 3, "a model that says nothing proves nothing"
    assert ours["codes"] == plain["codes"]
    apart = np.abs(np.array(ours["sound"]) - np.array(plain["sound"]))
    assert apart.shape == (2, 2, 1_024)
    assert apart.max() < 1e-4


@pytest.mark.parametrize("name", EXAMPLES)
def test_shapes_that_recordings_count_with_are_those_of_the_results(name: str) -> None:
    def tensors(tree: Any) -> list[Any]:
        return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]

    for make in EXAMPLES[name]:
        expected = tensors(operation.PLAIN[name](*make()))
        with torch._subclasses.FakeTensorMode() as mode:
            given = torch.utils._pytree.tree_map_only(torch.Tensor, mode.from_tensor, make())
            got = tensors(getattr(torch.ops.voiceagent, name)(*given))
        assert [(one.shape, one.dtype) for one in got] == [(one.shape, one.dtype) for one in expected]


@pytest.mark.exhaustive(quick=(120,), full=ARCHITECTURES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kernel_compiles_without_a_gpu(name: str, size: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    sources: list[Any] = []

    def note(function: Any, *given: Any, grid: Any, warmup: bool, **options: Any) -> None:
        signature, constants, known = {}, {}, {}
        for number, (parameter, value) in enumerate(zip(function.params, given, strict=True)):
            if parameter.is_constexpr:
                signature[parameter.name], constants[parameter.name] = "constexpr", value
            elif isinstance(value, torch.Tensor):
                signature[parameter.name], known[number,] = f"*{NUMBERS[value.dtype]}", ALIGNED
            elif isinstance(value, float):
                signature[parameter.name] = "fp32"
            else:
                signature[parameter.name] = "i32"
                known |= {(number,): ALIGNED} if value % 16 == 0 else {}
        sources.append((ASTSource(fn=function, signature=signature, constexprs=constants, attrs=known), options))

    monkeypatch.setattr(triton.JITFunction, "run", note)
    for make in EXAMPLES[name]:
        operation.launcher(name)(*make())
    for (source, options), architecture in product(sources, size):
        made = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
        assert made.asm["cubin"]
        assert f"sm_{architecture}" in made.asm["ptx"]
        assert made.metadata.shared <= MOST_SHARED
