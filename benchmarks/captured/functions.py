"""Every function that an engine records as a graph, by name and size, with what it holds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Literal
from unittest.mock import patch

import torch

from benchmarks.captured.fake_gpu import GPU, FakeGpu, fake_gpu, to_fake_gpu
from benchmarks.captured.recording import Recording
from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.asr.nemotron.recogniser import Recogniser
from voiceagent.engines.nemo.dummies import nemotron
from voiceagent.engines.nemo.dummies.magpie import DIMENSIONS, dummy_magpie
from voiceagent.engines.tts.magpie.codec import StreamingCodec
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.tts.magpie.sampling import Sampling

Shape = Literal["true", "tiny"]
STREAMS = (1, 16, 64)
ROWS = (1, 16)
CODEC_DIMENSIONS = 4
"""Of each of NanoCodec's eight groups: its quantiser's table is computed once, with values, and stood in for here."""
TOKENS = 60
"""Of a text that is read in."""
LOOK_AHEADS = (1, 13)


def recogniser(
    shape: Shape,
    *,
    streams: Sequence[int] = STREAMS,
    look_aheads: Sequence[int] = LOOK_AHEADS,
    kernels: bool = True,
) -> dict[str, Recording]:
    """Record the encoder's and the decoder's step in bfloat16, for some numbers of streams; at other look-aheads than
    the first, for one stream.
    """
    model, found = _ears(shape), dict[str, Recording]()
    with fake_gpu(kernels=kernels) as gpu:
        to_fake_gpu(model)
        for ahead in look_aheads:
            for number in streams if ahead == look_aheads[0] else (1,):
                gpu.recordings.clear()
                Recogniser(model, Geometry(70, ahead), 2 * number, [number]).warm_up()
                name = f"{number}" if ahead == look_aheads[0] else f"{number}, look-ahead {ahead}"
                found |= dict(zip((f"asr.encode {name}", f"asr.decode {name}"), gpu.recordings, strict=True))
    return found


def voice(
    shape: Shape, *, stackings: Sequence[int] = (1, 2), rows: Sequence[int] = ROWS, kernels: bool = True
) -> dict[str, Recording]:
    """Record the voice's step in bfloat16 for some numbers of utterances at two spans, and the reading of a text."""
    found: dict[str, Recording] = {}
    for stacking in stackings:
        model = _mouth(shape, stacking)
        with fake_gpu(kernels=kernels) as gpu:
            to_fake_gpu(model)
            for number in rows:
                loop = DecodeLoop(model, Sampling.of_model(model), number)
                loop.__dict__["buckets"] = (number,)
                loop.__dict__["spans"] = tuple(sorted({loop.spans[0], loop.spans[-1]}))
                gpu.recordings.clear()
                loop.warm_up()
                names = [f"tts.step {number}, stacking {stacking}, span {span}" for span in reversed(loop.spans)]
                found |= dict(zip(names, gpu.recordings, strict=True))
            found[f"tts.begin, stacking {stacking}"] = begin(gpu, loop)
    return found


def codec(
    shape: Shape, *, rows: int = 16, sizes: Sequence[int] = PRESETS["balanced"].sizes, kernels: bool = True
) -> dict[str, Recording]:
    """Record the codec's pieces of these numbers of frames, for up to `rows` streams, in float32."""
    model = _codec(shape)

    def table(self: StreamingCodec, model: Any) -> torch.Tensor:
        size = (model.num_audio_codebooks, model.num_all_tokens_per_codebook, CODEC_DIMENSIONS)
        return torch.empty(size, device=GPU)

    with fake_gpu(kernels=kernels) as gpu, patch.object(StreamingCodec, "_dequantised", table):
        to_fake_gpu(model)
        streaming = StreamingCodec(model, rows)
        streaming.record(sizes, rows)
        names = [f"tts.sound {number} x {frames}" for number, frames in streaming.recorded]
        return dict(zip(names, gpu.recordings, strict=True))


def begin(gpu: FakeGpu, loop: DecodeLoop) -> Recording:
    """Return what reading a text into a row calls; it is no graph, and may copy to the GPU, but not wait for it."""
    with gpu.recording() as record:
        loop.begin(Chunk(tuple(range(1, TOKENS)), voice=1), Context())
    return record


@cache
def _ears(shape: Shape) -> Any:
    with without_values(), patch.object(nemotron, "_enliven", lambda *_: None):
        model = nemotron.dummy_asr(shape)
        model.encoder.to(torch.bfloat16)
    return model


@cache
def _mouth(shape: Shape, stacking: int) -> Any:
    with without_values():
        model = dummy_magpie(shape, stacking=stacking, codec="tiny")
        for name, part in model.named_children():
            if name != "_codec_model":
                part.to(torch.bfloat16)
    # The length of its voices as a number: it is read once, when the model is loaded.
    model._buffers.pop("_baked_embedding_T", None)
    model._baked_embedding_T = DIMENSIONS[shape].context[stacking - 1]
    return model


@cache
def _codec(shape: Shape) -> Any:
    with without_values():
        return dummy_magpie("tiny", codec=shape)


@contextmanager
def without_values() -> Iterator[None]:
    """Build models without drawing their weights, which takes most of the time."""
    with ExitStack() as stack:
        for draw in ("normal_", "uniform_", "trunc_normal_"):
            if hasattr(torch.Tensor, draw):
                stack.enter_context(patch.object(torch.Tensor, draw, lambda tensor, *_, **__: tensor))
        yield


ENGINES: dict[str, Callable[..., dict[str, Recording]]] = {"recogniser": recogniser, "voice": voice, "codec": codec}
"""What can be recorded."""
