"""The steps that a GPU records, on a GPU that is not there: what a recording would refuse, and how much they hold."""

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from torch.utils._python_dispatch import _get_current_dispatch_mode  # noqa: E402 (needs torch)

from benchmarks.captured import functions, guard  # noqa: E402
from benchmarks.captured.fake_gpu import fake_gpu  # noqa: E402
from benchmarks.captured.recording import Recording  # noqa: E402
from benchmarks.captured.report import NUMBERS, key, numbers  # noqa: E402
from voiceagent.engines.asr.nemotron.encoder import StreamingEncoder  # noqa: E402
from voiceagent.engines.asr.nemotron.features import LogMel  # noqa: E402
from voiceagent.engines.asr.nemotron.fused_layers import FusedLayers  # noqa: E402
from voiceagent.engines.asr.nemotron.fused_round import FusedRound  # noqa: E402
from voiceagent.engines.asr.nemotron.transducer import GreedyTransducer  # noqa: E402
from voiceagent.engines.nemo.checkpoint import OVERHEAD_BYTES  # noqa: E402
from voiceagent.engines.tts.magpie.alignment import Alignment  # noqa: E402
from voiceagent.engines.tts.magpie.codec import Convolution, StreamingCodec  # noqa: E402
from voiceagent.engines.tts.magpie.decode_loop import DecodeLoop  # noqa: E402
from voiceagent.engines.tts.magpie.decoder import Decoder  # noqa: E402
from voiceagent.engines.tts.magpie.ending import Ending  # noqa: E402
from voiceagent.engines.tts.magpie.fused_sound import FusedSound  # noqa: E402
from voiceagent.engines.tts.magpie.fused_step import FusedDecoder, FusedLocal  # noqa: E402
from voiceagent.engines.tts.magpie.sampling import Allowed, Sampling  # noqa: E402

if guard.compiler() is None and torch.version.cuda is None:
    pytest.skip("needs a C++ compiler, for a device guard of four lines", allow_module_level=True)

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def bounds(prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for engine in functions.ENGINES:
        found |= json.loads((RESULTS / f"captured_{prefix}{engine}.json").read_text("utf-8"))["summary"]
    return found


BOUNDS = {True: bounds(), False: bounds("plain_")}
"""With fused kernels, and without."""

Make = Callable[..., dict[str, Recording]]
QUICK: dict[str, Make] = {
    "recogniser": partial(functions.recogniser, "tiny", streams=(64,), look_aheads=(1,)),
    "voice": partial(functions.voice, "tiny", stackings=(2,), rows=(16,)),
    "codec": partial(functions.codec, "tiny", rows=2, sizes=(10,)),
}
FULL: dict[str, Make] = {
    "recogniser": partial(functions.recogniser, "true"),
    "voice": partial(functions.voice, "true"),
    "codec": partial(functions.codec, "true"),
}
SMALLEST: dict[str, Make] = {
    "recogniser": partial(functions.recogniser, "tiny", streams=(1,), look_aheads=(1,)),
    "voice": partial(functions.voice, "tiny", stackings=(2,), rows=(1,)),
    "codec": partial(functions.codec, "tiny", rows=1, sizes=(6,)),
}


@pytest.mark.exhaustive(quick=("tiny", QUICK, (True,)), full=("true", FULL, (True, False)))
@pytest.mark.parametrize("engine", functions.ENGINES)
def test_no_graph_holds_what_it_may_not_or_more_than_it_did(
    engine: str, size: tuple[str, dict[str, Make], tuple[bool, ...]]
) -> None:
    shape, makes, modes = size
    every = [(mode, *found) for mode in modes for found in makes[engine](kernels=mode).items()]
    for kernels, name, record in every:
        if name.startswith("tts.begin"):  # no graph: it may copy to the GPU, and must not read back
            assert not [what for what in record.refused if not what.startswith("copied")], name
        else:
            assert not record.refused, name
        assert set(record.products) == FORMATS[name.split()[0].rstrip(",")], name
        for number, value in numbers(record).items():
            assert value <= BOUNDS[kernels][key(shape, name, number)], (
                f"{name}: more {number} than before; if that is wanted, run (--plain to another file): "
                f"python -m benchmarks.captured {engine} --json benchmarks/results/captured_{engine}.json"
            )


FORMATS = {
    "asr.encode": {torch.bfloat16, torch.float32},  # the features and what the decoder gets of the encoder
    "asr.decode": {torch.float32},
    "tts.step": {torch.bfloat16},
    "tts.begin": {torch.bfloat16},
    "tts.sound": {torch.float32},
}
"""In what each function multiplies."""


def test_what_is_counted_takes_no_more_memory_than_is_planned_for() -> None:
    """Graphs of an engine share a pool: the largest counts."""
    for engine, kernels in product(("asr", "tts"), (True, False)):
        taken = BOUNDS[kernels].items()
        found = [value for name, value in taken if name.startswith(f"true: {engine}") and "live" in name]
        assert len(found) > 5
        assert max(found) * 1e6 < OVERHEAD_BYTES / 2, "the other half is for workspaces and positional encodings"


def test_every_number_is_there_for_both_shapes() -> None:
    for counted in BOUNDS.values():
        assert {name.split(": ")[0] for name in counted} == {"tiny", "true"}
        assert {name.rsplit(": ", 1)[1] for name in counted} == set(NUMBERS)


PARTS: dict[str, list[tuple[type, str]]] = {
    "recogniser": [
        (LogMel, "__call__"),
        (StreamingEncoder, "step"),
        (StreamingEncoder, "_subsample"),
        (FusedLayers, "__call__"),
        (GreedyTransducer, "start"),
        (GreedyTransducer, "round"),
        (FusedRound, "__call__"),
    ],
    "voice": [
        (Decoder, "step"),
        (FusedDecoder, "step"),
        (Alignment, "track"),
        (Allowed, "forbidden"),
        (DecodeLoop, "_choose"),
        (FusedLocal, "sample"),
        (Decoder, "logits"),
        (Sampling, "guide"),
        (Ending, "frame"),
    ],
    "codec": [(StreamingCodec, "samples"), (Convolution, "__call__"), (FusedSound, "__call__")],
}
"""What runs inside of a graph, by engine."""
FAULTS: dict[str, Callable[[Any], object]] = {
    "a value is read": lambda tensor: tensor.sum().item(),
    "a decision hangs on a value": lambda tensor: bool((tensor == tensor).all()),
    "a tensor of the CPU is used": lambda tensor: tensor + torch.ones(tensor.shape),
    "a tensor comes from the CPU": lambda tensor: torch.ones(3).to(tensor.device),
}


@pytest.mark.parametrize("engine", functions.ENGINES)
def test_a_fault_anywhere_inside_of_a_graph_is_found(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[tuple[str, str], set[str]] = {(owner.__name__, method): set() for owner, method in PARTS[engine]}

    def plant(owner: type, method: str) -> None:
        right = getattr(owner, method)

        def wrong(self: Any, *given: Any, **more: Any) -> Any:
            record, tensors = _get_current_dispatch_mode(), [one for one in given if isinstance(one, torch.Tensor)]
            if isinstance(record, Recording):
                for name, fault in FAULTS.items():
                    before = record.refused.total()
                    try:
                        fault(tensors[0])
                    except Exception:  # fake tensors refuse some of it themselves
                        assert record.refused.total() > before, name
                    if record.refused.total() > before:
                        found[owner.__name__, method].add(name)
            return right(self, *given, **more)

        monkeypatch.setattr(owner, method, wrong)

    for owner, method in PARTS[engine]:
        plant(owner, method)
    SMALLEST[engine]()
    assert found == {part: set(FAULTS) for part in found}


@pytest.mark.parametrize(
    ("fault", "is_said"),
    {
        "a value": (lambda x: x.sum().item(), "read back"),
        "a condition": (lambda x: bool((x > 0).any()), "read back"),
        "a list": (lambda x: x.tolist(), "read back"),
        "a mask": (lambda x: x[x > 0], "depends on values"),
        "a constant": (lambda x: x + torch.arange(8), "a tensor of the CPU"),
        "a copy": (lambda x: x[0].copy_(torch.empty(8)), "between devices"),
        "a tensor moved": (lambda x: torch.ones(8).to(x.device), "between devices"),
        "a number": (lambda x: x[0].fill_(1.0), ""),
        "a product": (lambda x: x @ x.T, ""),
    }.values(),
    ids=lambda what: what if isinstance(what, str) else "",
)
def test_what_a_recording_would_refuse_is_named(fault: Callable[[Any], Any], is_said: str) -> None:
    with fake_gpu() as gpu:
        x = torch.empty(4, 8, device="cuda")
        record = Recording()
        try:
            with gpu.recording() as record:
                fault(x)
        except Exception:  # fake tensors refuse some of it themselves
            assert is_said
    assert is_said in " ".join(record.refused)
    assert bool(record.refused) == bool(is_said)
