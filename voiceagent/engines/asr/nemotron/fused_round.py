"""A decoder's round in ten kernels instead of fifty: for a GPU.

It computes what `transducer.py` does. The prediction network's layers are products here, one each, of input and
state joined, and a kernel for the cell, which writes the state where it has its place.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.fused.greedy import joint_input, keep_rows, lstm_cell, lstm_inputs, pick


class FusedRound:
    """The decoder and joint network of a NeMo `EncDecRNNTModel`, whose state is elsewhere."""

    def __init__(self, decoder: Any, joint: Any, blank: int, most: int, unit: float) -> None:
        self._embedding, network = decoder.prediction["embed"].weight.detach(), decoder.prediction["dec_rnn"].lstm
        self._scores, self._pred = joint.joint_net[-1], joint.pred
        self._blank, self._most, self._unit = blank, most, unit
        every = range(network.num_layers)

        def parameter(name: str, layer: int) -> Any:
            return getattr(network, f"{name}_l{layer}").detach()

        self._weights = [torch.cat((parameter("weight_ih", at), parameter("weight_hh", at)), 1) for at in every]
        self._biases = [parameter("bias_ih", at) + parameter("bias_hh", at) for at in every]

    def __call__(self, at: Any, slots: Tensor, predicted: Tensor, hidden: Tensor, cell: Tensor) -> None:
        """Let every stream make one move; `predicted` (slots, joint), `hidden` and `cell` (layers, slots, width)."""
        scored = self._scores(joint_input(at.projected, predicted, at.frame, slots))
        progress = at.frame, at.symbols, at.count, at.tokens, at.frames, at.scores
        label, emits = pick(scored, *progress, at.projected.shape[1], self._blank, self._most, self._unit)
        inputs = lstm_inputs(label, self._embedding, hidden, slots)
        width = hidden.shape[2]
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            gates = linear(inputs[layer], weight, bias)
            last = layer + 1 == len(self._weights)
            into = gates.new_empty(len(slots), width) if last else inputs[layer + 1, :, :width]
            lstm_cell(gates, hidden[layer], cell[layer], slots, emits, into)
        keep_rows(predicted, slots, emits, self._pred(into))


def can_be_fused(decoder: Any, joint: Any, device: torch.device) -> bool:
    """Return whether kernels can be used on the device, for this decoder and joint network."""
    parts = getattr(decoder, "prediction", {})
    network = getattr(parts["dec_rnn"], "lstm", None) if "dec_rnn" in parts else None
    if not isinstance(network, nn.LSTM) or not network.bias or network.proj_size:
        return False
    narrow = parts["embed"].embedding_dim == network.hidden_size
    rectified = isinstance(joint.joint_net[0], nn.ReLU) and all(
        isinstance(one, nn.Dropout | nn.Linear) for one in list(joint.joint_net)[1:]
    )
    return bool(narrow and rectified and operation.works(device))
