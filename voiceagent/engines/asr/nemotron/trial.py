"""The recogniser at a tiny shape, on a GPU and on the CPU: graphs must hear what plain functions hear."""

from collections.abc import Iterator
from statistics import median
from time import perf_counter

import numpy as np
import torch

from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.asr.nemotron.recogniser import Recogniser
from voiceagent.engines.asr.nemotron.track import Track
from voiceagent.engines.finding import Finding, ok, problem
from voiceagent.engines.nemo.dummies.nemotron import babble, dummy_asr
from voiceagent.engines.nemo.fused import operation
from voiceagent.engines.nemo.precision import set_precision
from voiceagent.engines.nemo.trial.kernels import left_out

SECONDS = 4.0
STREAMS = 2
CHECK = "asr on gpu"
SAME = 0.98
"""Of the tokens, at least: a close decision may fall otherwise where sums are added in another order."""


def try_recogniser(device: torch.device) -> Iterator[Finding]:
    """Yield whether a model with random weights hears the same on the device as on the CPU."""
    known = frozenset(operation.FAILED)
    expected, _ = hear(torch.device("cpu"))
    heard, took_ms = hear(device)
    alike = sum(a == b for one, other in zip(expected, heard, strict=True) for a, b in zip(one, other, strict=False))
    most = sum(max(len(one), len(other)) for one, other in zip(expected, heard, strict=True))
    text = f"{alike} of {most} tokens as on the CPU, {took_ms:.1f} ms a step of the tiny model"
    if most and alike >= SAME * most:
        yield ok(CHECK, text)
    else:
        yield problem(CHECK, text, "set asr.device to cpu, and report it with this output")
    yield from left_out(CHECK, known)


def hear(device: torch.device) -> tuple[list[list[int]], float]:
    """Return the tokens of some streams of noise, and the milliseconds of a step."""
    set_precision(device, convolutions="ieee")
    model = dummy_asr("tiny").to(device)
    geometry = Geometry(70, 1)
    recogniser = Recogniser(model, geometry, STREAMS, [1, STREAMS])
    recogniser.warm_up()
    tracks = []
    for slot, sound in enumerate(babble(SECONDS, STREAMS, seed=7).numpy()):
        recogniser.reset(slot)
        tracks.append(Track(slot, geometry))
        tracks[-1].push(sound)
    tokens: list[list[int]] = [[] for _ in tracks]
    took = []
    while all(track.due for track in tracks):
        windows = np.stack([track.next_window() for track in tracks])
        began = perf_counter()
        results = recogniser.step([track.slot for track in tracks], windows)
        took.append(perf_counter() - began)
        for said, track, heard in zip(tokens, tracks, results, strict=True):
            said += [token.id for token in track.advance(heard)]
    return tokens, 1000 * median(took)
