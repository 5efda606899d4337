"""The codec's decoder with everything between its convolutions in one kernel each: for a GPU.

It computes what `codec.py` does layer by layer, with the same state: there, every activation takes seven kernels, and
what a convolution has seen three more. The convolutions themselves remain torch's, without their biases, which cost a
kernel each and are added by the operation that follows.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.fused.sound import mean_of_branches, snake_window, upsampled

BRANCHES = 3
"""Of a stage of NanoCodec's decoder."""


class FusedSound:
    """The stages of a decoder after its first convolution, which takes its outputs as x (rows, channels, time).

    `stages` are those of `StreamingCodec`: an activation, an upsampling and branches of (activation, convolution,
    activation, convolution); `last` and `out` its last activation and convolution.
    """

    def __init__(self, stages: Sequence[Any], last: Any, out: Any) -> None:
        self._stages, self._last, self._out = stages, _Snake(last), out
        self._snakes = [
            (_Snake(activation), [[(_Snake(a), _Snake(c)) for a, _, c, _ in branch] for branch in branches])
            for activation, _, branches in stages
        ]

    def __call__(self, x: Tensor, places: Tensor) -> Tensor:
        """Return the last convolution's outputs (rows, 1, time * upsampling)."""
        for (_, upsampling, branches), (snake, pairs) in zip(self._stages, self._snakes, strict=True):
            x = upsampled(x, snake.alpha, snake.slope, upsampling.weight, upsampling.bias, upsampling.seen, places)
            ends = [_run(x, branch, snakes, places) for branch, snakes in zip(branches, pairs, strict=True)]
            x = mean_of_branches(
                [total for total, _ in ends],
                [convolved for _, convolved in ends],
                [branch[-1][3].bias for branch in branches],
            )
        window, _ = snake_window(x, None, None, self._last.alpha, self._last.slope, self._out.seen, places)
        return self._out.convolve(window) + self._out.bias[:, None]


class _Snake:
    """What a `HalfSnake` knows."""

    def __init__(self, activation: Any) -> None:
        module = activation.activation
        self.alpha: Tensor = module.snake_act.alpha.detach().flatten()
        self.slope: float = module.lrelu.negative_slope


def _run(x: Tensor, branch: Sequence[Any], snakes: Sequence[Any], places: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a branch's last convolution is added to, and its outputs without their bias."""
    total, convolved, bias = x, x, None
    for number, ((_, first, _, second), (before, between)) in enumerate(zip(branch, snakes, strict=True)):
        if number:
            window, total = snake_window(convolved, bias, total, before.alpha, before.slope, first.seen, places)
        else:
            window, _ = snake_window(x, None, None, before.alpha, before.slope, first.seen, places)
        inner = first.convolve(window)
        window, _ = snake_window(inner, first.bias, None, between.alpha, between.slope, second.seen, places)
        convolved, bias = second.convolve(window), second.bias
    return total, convolved


def can_be_fused(stages: Sequence[Any], last: Any, device: torch.device) -> bool:
    """Return whether kernels can be used on the device, for this decoder."""
    activations = [last, *(stage[0] for stage in stages)]
    known = all(hasattr(getattr(one, "activation", None), "snake_act") for one in activations)
    return known and all(len(branches) == BRANCHES for _, _, branches in stages) and operation.works(device)
