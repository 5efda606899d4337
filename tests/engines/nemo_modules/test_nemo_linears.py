"""Packed linear layers against torch's own: how near they come, and whom a row's company changes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from voiceagent.errors import VoiceAgentError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from torch import nn  # noqa: E402 (needs torch)

from voiceagent.engines.nemo import linears, runtime  # noqa: E402

INPUTS, OUTPUTS = 256, 96
MOST_OFF = {torch.float32: 2e-6, torch.bfloat16: 0.008, torch.int8: 0.03}
"""Relative errors of one layer with normally distributed weights and inputs."""
dtypes = pytest.mark.parametrize("dtype", MOST_OFF, ids=["float32", "bfloat16", "int8"])
OVERFLOW = """
import torch
from voiceagent.engines.nemo import linears
if {levels}:
    linears.input_levels = lambda: {levels}
torch.manual_seed(0)
layer = torch.nn.Linear(256, 96)
x = torch.full((3, 256), 2.0)  # every product as large as it can be
exact = layer(x).detach()
packed = torch.nn.Sequential(torch.nn.Linear(256, 96))
packed[0] = layer
linears.pack(packed, torch.int8)
print(float((packed(x) - exact).norm() / exact.norm()))
"""


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        yield


def layer(dtype: torch.dtype, *, bias: bool = True) -> tuple[nn.Linear, nn.Module]:
    """Return a layer, and the same packed."""
    plain = nn.Linear(INPUTS, OUTPUTS, bias=bias)
    holder = nn.Sequential(nn.Linear(INPUTS, OUTPUTS, bias=bias))
    holder.load_state_dict({f"0.{name}": value for name, value in plain.state_dict().items()})
    holder.to(torch.float32 if dtype == torch.int8 else dtype)
    linears.pack(holder, dtype)
    return plain, holder[0]


@dtypes
@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (4,), (33,), (2, 7)])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_a_packed_layer_comes_near_the_plain_one(dtype: torch.dtype, shape: tuple[int, ...], bias: bool) -> None:
    plain, packed = layer(dtype, bias=bias)
    x = torch.randn(*shape, INPUTS)
    got = packed(x.to(dtype) if dtype == torch.bfloat16 else x).float()
    assert got.shape == (*shape, OUTPUTS)
    assert (got - plain(x)).norm() / plain(x).norm() < MOST_OFF[dtype]


@pytest.mark.parametrize("first", [1, 2, 4])
def test_operands_are_swapped_with_the_same_result(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linears, "swap_from", lambda: first)
    plain, packed = layer(torch.float32)
    for rows in (1, 3, 32):
        x = torch.randn(rows, INPUTS)
        torch.testing.assert_close(packed(x), plain(x))


@pytest.mark.parametrize("loud", [1e4, float("nan"), float("inf")])
def test_in_int8_a_row_is_the_same_to_the_bit_beside_any_other(loud: float) -> None:
    """One scale for all rows, as in torch's own dynamic layers, would leave a quiet row few of its bits."""
    _, packed = layer(torch.int8)
    x = torch.randn(4, INPUTS)
    alone = torch.cat([packed(row[None]) for row in x])
    x[2] *= loud
    together = packed(x)
    for row in (0, 1, 3):
        assert torch.equal(together[row], alone[row])
    assert bool(together[2].isfinite().all()) == (loud == 1e4)


def test_in_int8_a_silent_row_gives_the_bias() -> None:
    plain, packed = layer(torch.int8)
    assert torch.equal(packed(torch.zeros(1, INPUTS))[0], plain.bias)


@pytest.mark.parametrize("levels", [0, linears.LEVELS], ids=["as found out", "in 8 bits"])
def test_a_cpu_whose_sums_of_8_bit_products_overflow_is_found_out(levels: int) -> None:
    environment = os.environ | {"FBGEMM_ENABLE_INSTRUCTIONS": "AVX2"}  # the kernels of a CPU without VNNI
    program = [sys.executable, "-c", OVERFLOW.format(levels=levels)]
    off = float(subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout)
    assert (off > 0.2) if levels else (off < 0.03)


def test_only_layers_over_one_position_are_packed_and_none_that_is_to_stay() -> None:
    model = nn.ModuleDict(
        {
            "linear": nn.Linear(8, 8),
            "kept": nn.Linear(8, 8),
            "inner": nn.ModuleDict({"pointwise": nn.Conv1d(8, 8, 1), "wide": nn.Conv1d(8, 8, 3)}),
        }
    )
    names = set(model.state_dict())
    expected = model["inner"]["pointwise"](torch.ones(1, 8, 5)).transpose(1, 2)
    linears.pack(model, torch.float32, but=("kept",))
    assert set(model.state_dict()) == names, "a model that was loaded can be saved again"
    torch.testing.assert_close(model["inner"]["pointwise"](torch.ones(1, 5, 8)), expected)
    assert type(model["linear"]) is linears.Float32
    assert type(model["kept"]) is nn.Linear
    assert type(model["inner"]["wide"]) is nn.Conv1d


def test_a_machine_without_int8_products_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linears, "_multiplies", lambda: False)
    linears.require_int8.cache_clear()
    with pytest.raises(VoiceAgentError, match=r"needs an x86 CPU with AVX2.*set `dtype: float32` or"):
        runtime.pick_dtype("int8", torch.device("cpu"))


def test_int8_is_never_chosen_by_itself() -> None:
    for device in (torch.device("cpu"), torch.device("cuda", 0)):
        assert runtime.pick_dtype("int8", device) is torch.int8
    assert runtime.pick_dtype("auto", torch.device("cpu")) is torch.float32
