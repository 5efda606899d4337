"""A GPU that is not there: the engines' steps run on tensors of `cuda` that have a shape and a format and no values.

What only a real one has is left out (streams, events, graphs); attention and recurrent networks, whose kernels torch
chooses by asking the device, are stood in for by their shapes and the kernels that they are known to take.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.captured.guard import load_guard
from benchmarks.captured.recording import Recording

GPU = torch.device("cuda", 0)
ROOM = "voiceagent.engines."
RECORDERS = ("asr.nemotron.recogniser", "tts.magpie.decode_loop", "tts.magpie.codec")
STREAMERS = ("asr.nemotron.recogniser", "tts.magpie.speaker")
LSTM_KERNELS = 5
"""Of each layer, in cuDNN."""


class FakeGpu:
    """Collects a recording of every function that is captured, in order."""

    def __init__(self) -> None:
        self.recordings: list[Recording] = []
        self._current: list[Recording] = []

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record what is called inside."""
        record = Recording()
        self._current.append(record)
        try:
            with record:
                yield record
        finally:
            self._current.pop()

    def captured(self, function: Callable[[], None], device: torch.device, pool: Any = None) -> Callable[[], None]:
        """Stand in for `graphs.captured`."""
        with self.recording() as record:
            function()
        self.recordings.append(record)
        return function

    def attend(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Tensor:
        """Stand in for scaled_dot_product_attention.

        It takes one kernel; before it a mask of truth values is made one of numbers (two), and one of another width
        than a multiple of 8 is copied into one that is (one), at every call.
        """
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        kernels = 1
        if attn_mask is not None:
            kernels += (2 if attn_mask.dtype == torch.bool else 0) + (1 if attn_mask.shape[-1] % 8 else 0)
        for record in self._current:
            record.add("attention", kernels, sum(x.nbytes for x in (query, key, value, out)), query.dtype)
        return out

    def recur(self, network: Any, x: Tensor, state: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Stand in for LSTM.forward."""
        batch = x.shape[0] if network.batch_first else x.shape[1]
        hidden = x.new_empty(network.num_layers, batch, network.hidden_size)
        weights = sum(parameter.nbytes for parameter in network.parameters())
        for record in self._current:
            record.add("lstm", LSTM_KERNELS * network.num_layers, weights, x.dtype)
        return x.new_empty(*x.shape[:-1], network.hidden_size), (hidden, torch.empty_like(hidden))


@contextmanager
def fake_gpu(*, kernels: bool = True) -> Iterator[FakeGpu]:
    """Run the engines' steps on a GPU that is not there, with fused kernels or without. Raises OSError where no
    compiler makes its guard.
    """
    load_guard()
    gpu = FakeGpu()
    with FakeTensorMode(allow_non_fake_inputs=False), ExitStack() as stack:

        def put(target: str, stand_in: Any) -> None:
            stack.enter_context(patch(target, stand_in))

        for user in RECORDERS:
            put(f"{ROOM}{user}.captured", gpu.captured)
            put(f"{ROOM}{user}.new_pool", lambda device: None)
            put(f"{ROOM}{user}.to_host", lambda tensor: tensor)
        for user in STREAMERS:
            put(f"{ROOM}{user}.own_stream", lambda device: nullcontext())
            put(f"{ROOM}{user}.settle", lambda device: None)
        put(f"{ROOM}nemo.fused.operation.works", lambda device: kernels)
        put(f"{ROOM}tts.magpie.attention.scaled_dot_product_attention", gpu.attend)
        put("torch.nn.functional.scaled_dot_product_attention", gpu.attend)
        put("torch.nn.LSTM.forward", lambda network, x, state=None: gpu.recur(network, x, state))
        yield gpu


def to_fake_gpu(module: Any) -> Any:
    """Put fake tensors of the GPU in the place of all of a model's; inside of `fake_gpu` only."""

    def fake(tensor: Tensor) -> Tensor:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=GPU)

    for part in module.modules():
        for name, parameter in list(part._parameters.items()):
            if parameter is not None:
                part._parameters[name] = torch.nn.Parameter(fake(parameter), requires_grad=False)
        for name, buffer in list(part._buffers.items()):
            if buffer is not None:
                part._buffers[name] = fake(buffer)
        if isinstance(part, torch.nn.LSTM):
            part._flat_weights = [getattr(part, name) for name in part._flat_weights_names]
    return module
