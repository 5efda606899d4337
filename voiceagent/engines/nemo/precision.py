"""In which precision a GPU multiplies float32 numbers: chosen here, for the whole process, not by torch's defaults.

By default cuDNN rounds the operands of convolutions and recurrent networks to TF32 (10 bits of mantissa instead of 23),
and products of matrices not at all. The recogniser's prediction network is recurrent and decides between close scores:
it computes in full float32. The codec's convolutions are nearly all the work of a voice in float32 and end in 16-bit
audio: TF32 suffices. What computes in bfloat16 is not concerned.
"""

import logging
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Float32 = Literal["ieee", "tf32"]
"""PyTorch's names: full float32, or rounded operands."""


def set_precision(device: "torch.device", *, convolutions: Float32 = "tf32") -> None:
    """Set how a GPU computes in float32: recurrent networks and products in full, convolutions as given.

    Does nothing for a CPU. Comparisons that expect equal numbers set convolutions to "ieee".
    """
    if device.type != "cuda":
        return
    import torch

    torch.backends.cudnn.rnn.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = convolutions
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    log.info("float32 on the GPU: convolutions in %s, recurrent networks and products in full", convolutions.upper())
