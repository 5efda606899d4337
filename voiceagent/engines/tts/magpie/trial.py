"""The voice at a tiny shape, on a GPU and on the CPU: graphs must say and sound what plain functions do."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from voiceagent.engines.finding import Finding, ok, problem
from voiceagent.engines.nemo.dummies.magpie import dummy_magpie
from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.graphs import own_stream, settle
from voiceagent.engines.nemo.precision import set_precision
from voiceagent.engines.nemo.trial.kernels import left_out
from voiceagent.engines.tts.magpie.codec import StreamingCodec
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop
from voiceagent.engines.tts.magpie.sampling import Sampling

STEPS = 20
ROWS = 2
PIECE = 6
SAME = 0.98
"""Of the codes, at least: a close decision may fall otherwise where sums are added in another order."""
QUIET = 1e-3
"""A difference of samples that nobody hears."""
REMEDY = "set tts.device to cpu, and report it with this output"


def try_voice(device: torch.device) -> Iterator[Finding]:
    """Yield whether a model with random weights speaks and sounds the same on the device as on the CPU."""
    known = frozenset(operation.FAILED)
    expected, _, right = speak(torch.device("cpu"))
    said, took_ms, sound = speak(device, expected)
    alike = float((expected == said).mean())
    text = f"{100 * alike:.0f} % of the codes as on the CPU, {took_ms:.1f} ms a step of the tiny model"
    yield ok("tts on gpu", text) if alike >= SAME else problem("tts on gpu", text, REMEDY)
    apart = float(np.abs(right - sound).max())
    text = f"samples differ from the CPU's by {apart:.1e} at most"
    yield ok("tts on gpu", text) if apart <= QUIET else problem("tts on gpu", text, REMEDY)
    yield from left_out("tts on gpu", known)


def speak(
    device: torch.device, codes: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], float, NDArray[np.float32]]:
    """Return the codes (rows, steps, codebooks) of some utterances, the milliseconds of a step, and the samples of
    `codes`, by default those.
    """
    set_precision(device, convolutions="ieee")
    model = dummy_magpie("tiny").to(device)
    stream: Any = own_stream(device)
    loop = DecodeLoop(model, Sampling.of_model(model, temperature=0.0), ROWS)
    codec = StreamingCodec(model, ROWS)
    settle(device)
    with stream:
        loop.warm_up()
        rows = [loop.begin(Chunk(tuple(range(1, 40 + 5 * row)), voice=row), Context()) for row in range(ROWS)]
        took, said = [], []
        for _ in range(STEPS):
            began = perf_counter()
            said.append([stepped.frames for stepped in loop.step(rows)])
            took.append(perf_counter() - began)
        spoken = np.stack([np.concatenate([step[row] for step in said]) for row in range(ROWS)])
        codec.record((PIECE,), ROWS)
        given = spoken if codes is None else codes
        pieces = [codec.decode(range(ROWS), list(given[:, at : at + PIECE])) for at in range(0, STEPS - PIECE, PIECE)]
    return spoken, 1000 * median(took), np.concatenate([np.stack(piece) for piece in pieces], 1)
