"""Runs every fused kernel in Triton's interpreter beside its plain form; its last line is what differs, as JSON.
With `engines`, whole engines at a tiny shape.

A process of its own: Triton decides when it is first imported whether kernels are interpreted.
"""

import json
import os
import sys
import traceback
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch
import triton.language as tl
from fused_examples import EXAMPLES
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

from voiceagent.engines.nemo.fused import operation

CHUNKS, STEPS = 8, 3


def widened(right: Any) -> Any:
    """Triton's interpreter keeps bfloat16 as integers, and multiplies matrices of it as such."""

    def plain(handle: Any) -> Any:
        if handle.dtype.scalar != tl.bfloat16:
            return handle
        return TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)

    return lambda self, a, b, *more: right(self, plain(a), plain(b), *more)


def rounded(right: Any) -> Any:
    """It also takes an integer's own bits for those of the bfloat16 that it is to become."""

    def plain(self: Any, given: Any, to: Any) -> Any:
        if to.scalar != tl.bfloat16:
            return right(self, given, to)
        return self.create_fp_trunc(TensorHandle(given.data.astype(np.float32), tl.float32), to)

    return plain


InterpreterBuilder.create_dot = widened(InterpreterBuilder.create_dot)
InterpreterBuilder.create_si_to_fp = rounded(InterpreterBuilder.create_si_to_fp)


def tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def compare(name: str) -> None:
    for make in EXAMPLES[name]:
        given, expected_given = make(), make()
        made = operation.launcher(name)(*given)
        expected = operation.PLAIN[name](*expected_given)
        for got, right in zip(tensors((made, given)), tensors((expected, expected_given)), strict=True):
            close = {"atol": 1e-5, "rtol": 1e-5}
            if got.dtype == torch.bfloat16:
                close = {"atol": 2e-2, "rtol": 2e-2}
            if got.dtype == torch.float8_e4m3fn:  # a weight, as it was
                got, right = got.float(), right.float()
            torch.testing.assert_close(got, right, equal_nan=True, **close)


def differences() -> dict[str, str]:
    found = {}
    for name in EXAMPLES:
        try:
            compare(name)
            found[name] = ""
        except Exception:  # whatever it is, the test shows it
            found[name] = traceback.format_exc()[-3000:]
    return found


def engines() -> dict[str, Any]:
    """What tiny models do with interpreted kernels, and without."""
    return {"with kernels": _results(kernels=True), "without": _results(kernels=False)}


def _results(*, kernels: bool) -> dict[str, Any]:
    from benchmarks.nemo_nemotron import murmur
    from voiceagent.engines.asr.nemotron.geometry import Geometry
    from voiceagent.engines.asr.nemotron.recogniser import Recogniser
    from voiceagent.engines.asr.nemotron.track import Track
    from voiceagent.engines.nemo.dummies.magpie import dummy_magpie
    from voiceagent.engines.nemo.dummies.nemotron import dummy_asr
    from voiceagent.engines.tts.magpie.codec import StreamingCodec
    from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop
    from voiceagent.engines.tts.magpie.sampling import Sampling

    operation.works = lambda device: kernels
    plain = dict(operation.PLAIN)
    if kernels:
        operation.PLAIN.update({name: operation.launcher(name) for name in plain})
    try:
        recogniser = Recogniser(dummy_asr("tiny"), Geometry(70, 1), slots=2, buckets=[2])
        recogniser.warm_up()
        tracks = [Track(slot, recogniser.geometry) for slot in (1, 0)]
        for track in tracks:
            recogniser.reset(track.slot)
            track.push(murmur(2.0, seed=50 + track.slot))
        tokens: list[list[int]] = [[], []]
        for _ in range(CHUNKS):
            windows = np.stack([track.next_window() for track in tracks])
            for at, heard in enumerate(recogniser.step([track.slot for track in tracks], windows)):
                tokens[at] += heard.tokens
                tracks[at].advance(heard)
        tiny = dummy_magpie("tiny")
        loop = DecodeLoop(tiny, Sampling.of_model(tiny), 2)
        rows = [loop.begin(Chunk(tuple(range(1, 30 + 9 * row)), voice=row, seed=row), Context()) for row in range(2)]
        codes = [[stepped.frames.tolist() for stepped in loop.step(rows)] for _ in range(STEPS)]
        codec = StreamingCodec(tiny, 2)
        frames = np.random.default_rng(1).integers(0, 2016, (2, 2, 8))
        sound = [codec.decode([1, 0], list(frames[:, at : at + 1])) for at in range(2)]
    finally:
        operation.PLAIN.update(plain)
    return {"tokens": tokens, "codes": codes, "sound": [[pcm.tolist() for pcm in piece] for piece in sound]}


def main() -> None:
    torch.set_num_threads(1)
    what = engines() if "engines" in sys.argv else differences()
    sys.stdout.write("\n" + json.dumps(what))


if __name__ == "__main__":
    main()
