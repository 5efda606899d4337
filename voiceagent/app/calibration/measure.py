"""Measures how long engines' steps take: each engine alone, then every two of them at once.

Alone, with 1, 2, 4 ... as many streams as sessions are allowed, so that the sizes of conversations occur; in pairs,
with a stream each.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voiceagent.app.calibration.bench import Bench, Ran
from voiceagent.app.calibration.form import Calibration, Measured
from voiceagent.app.calibration.lookup import decisive, machine, versions
from voiceagent.app.calibration.rounds import ROUNDS, TURNS_S, Talk, introduce
from voiceagent.app.engines import build_engines, lanes_of
from voiceagent.app.specs import remote_lanes
from voiceagent.audio.files import resample
from voiceagent.config.settings import Settings
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.contract import CostKey
from voiceagent.engines.machine import Gpu
from voiceagent.scheduler.costs import CostModel, lane_of

SHORTEST_S = 1.0
"""A voice that says less (with untrained weights, say) does not serve as speech; a buzz does."""
BUZZ_HZ, HARMONICS, LOUDNESS = 140, 12, 0.1

Costs = Mapping[CostKey, list[float]]


def calibrate(settings: Settings, gpus: tuple[Gpu, ...], seconds: float, tell: Callable[[str], None]) -> Calibration:
    """Load the engines and measure for about `seconds` after loading; `tell` is given the progress.

    Raises VoiceAgentError for an engine that cannot be loaded, or fails.
    """
    with ExitStack() as stack:
        benches = {lane: stack.enter_context(closing(bench)) for lane, bench in _benches(settings, gpus).items()}
        for lane, bench in benches.items():
            tell(f"loading {lane}")
            bench.load()
        talk = Talk(speech(benches["tts"]), settings.llm.system_prompt)
        rounds = {lane: partial(ROUNDS[lane], talk) for lane in benches}
        crowds = _crowds(settings.server.max_sessions)
        alone_s = seconds / 2 / len(benches) / len(crowds)
        costs: dict[str, Costs] = {}
        for lane, bench in benches.items():
            tell(f"measuring {lane} alone")
            runs = (bench.run(rounds[lane], streams=crowd, seconds=alone_s, whole=True) for crowd in crowds)
            costs[lane] = _by_key([step for run in runs for step in run()])
        pairs = list(combinations(benches, 2))
        slowdowns: dict[str, dict[str, float]] = {lane: {} for lane in benches}
        for lane, other in pairs:
            tell(f"measuring {lane} while {other} runs")
            under_way = [benches[name].run(rounds[name], seconds=seconds / 2 / len(pairs)) for name in (lane, other)]
            mine, others = (wait() for wait in under_way)
            slowdowns[lane] |= slowdown(costs[lane], mine, other, others)
            slowdowns[other] |= slowdown(costs[other], others, lane, mine)
    return Calibration(
        settings=decisive(settings),
        versions=versions(settings),
        machine=machine(),
        measured_on=datetime.now(UTC).date(),
        costs=_summary({key: steps for lane in costs.values() for key, steps in lane.items()}),
        slowdowns=slowdowns,
    )


def slowdown(costs: Costs, mine: Sequence[Ran], other: str, others: Sequence[Ran]) -> dict[str, float]:
    """Return how many times longer a lane's steps take while the other's run; nothing if too few overlapped.

    `costs` are the lane's steps alone.
    """
    model = CostModel(costs)
    for step, beside_s in zip(mine, overlaps(mine, others), strict=True):
        model.observe(step.key, step.seconds, {other: beside_s})
    factor = model.slowdown(lane_of(next(iter(costs))), other, unknown=0.0)
    return {other: round(factor, 3)} if factor else {}


def overlaps(mine: Sequence[Ran], others: Sequence[Ran]) -> list[float]:
    """Return for each step how many of its seconds some other step ran too; the others do not overlap each other."""
    if not others:
        return [0.0] * len(mine)
    edges = [edge for step in others for edge in (step.start, step.end)]
    busy_before = np.cumsum([0.0, *(step.seconds for step in others)])
    busy_at_edge = np.repeat(busy_before, 2)[1:-1]
    starts = np.interp([step.start for step in mine], edges, busy_at_edge)
    ends = np.interp([step.end for step in mine], edges, busy_at_edge)
    return [float(seconds) for seconds in ends - starts]


def speech(voice: Bench) -> NDArray[np.float32]:
    """Return speech for as long as the longest turn, 16 kHz mono: the voice's own, again and again, or a buzz."""
    pieces: list[NDArray[np.float32]] = []
    voice.run(introduce, whole=True, on_event=lambda event: pieces.append(event.pcm))()
    samples = int(max(TURNS_S) * SAMPLE_RATE)
    spoken = resample(np.concatenate(pieces), voice.engine.sample_rate, SAMPLE_RATE)
    if len(spoken) >= SHORTEST_S * SAMPLE_RATE:
        return np.resize(spoken, samples)
    cycles = 2 * np.pi * BUZZ_HZ * np.arange(samples) / SAMPLE_RATE
    buzz = sum(np.sin(cycles * harmonic) / harmonic for harmonic in range(1, HARMONICS))
    return (LOUDNESS * np.asarray(buzz)).astype(np.float32)


def _benches(settings: Settings, gpus: tuple[Gpu, ...]) -> dict[str, Bench]:
    """Return an idle bench for every engine that computes here."""
    engines: dict[str, Any] = lanes_of(build_engines(settings, gpus))
    return {lane: Bench(engine) for lane, engine in engines.items() if lane not in remote_lanes(settings)}


def _crowds(most: int) -> list[int]:
    return sorted({most, *(2**power for power in range(most.bit_length()))})


def _by_key(ran: Sequence[Ran]) -> Costs:
    costs: dict[CostKey, list[float]] = {}
    for step in ran:
        costs.setdefault(step.key, []).append(step.seconds)
    return dict(sorted(costs.items()))


def _summary(costs: Costs) -> dict[str, dict[int, Measured]]:
    kinds = dict.fromkeys(kind for kind, _ in costs)
    return {name: {size: Measured.of(costs[kind, size]) for kind, size in costs if kind == name} for name in kinds}
