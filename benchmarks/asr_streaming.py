"""What a step of streaming speech recognition costs: ours, NeMo's own pipeline, and a sample's, in one run.

Full-size dummy weights (speed, not accuracy), the same chunks, and the three taking turns, so that a slow moment of the
machine affects all. The sample (`january`) is pipecat-ai/nemotron-january-2026. It needs `voiceagent[nemo]`. Ours is
measured with float32 and bfloat16 weights, on a CPU with int8 as well, each with how far its encoder's output and its
tokens are from float32's.

Whether the cost stays the same is measured on the tiny shape, whose ten minutes really are computed.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import partial
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import form
from benchmarks.asr_peers import JanuarySample, NemoPipeline
from benchmarks.dummies.files import nemotron_file
from voiceagent.engines.asr.contract import SAMPLE_RATE, Transcript
from voiceagent.engines.asr.nemotron.engine import NemotronEngine
from voiceagent.engines.asr.nemotron.geometry import Geometry
from voiceagent.engines.asr.nemotron.recogniser import Recogniser
from voiceagent.engines.drive import drive
from voiceagent.engines.nemo.checkpoint import load_asr
from voiceagent.engines.nemo.dummies.nemotron import Shape, dummy_asr
from voiceagent.engines.nemo.runtime import import_nemo, pick_device
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

NAME = "asr_streaming"
LEFT, RIGHT = 70, 1
GEOMETRY = Geometry(LEFT, RIGHT)
BATCHES = (1, 4)
GPU_BATCHES = (1, 4, 16, 64)
ROUNDS, QUICK_ROUNDS = 8, 2
STEPS = 5
"""Steps in a row before the next takes its turn."""
MINUTES, QUICK_MINUTES = 10, 2
UTTERANCES, UTTERANCE_STEPS, ENCODED_STEPS = 4, 40, 10
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
SHORT = {"float32": "float32", "bfloat16": "bf16", "int8": "int8"}
"""What the summary calls them."""
CPU_TARGETS = (
    form.Target("speed_vs_nemo_b1", 5.0, at_least=True),
    form.Target("speed_vs_nemo_b4", 5.0, at_least=True),
    form.Target("speed_float32_vs_nemo_b1", 1.0, at_least=True),
    form.Target("step_growth", 1.1),
)
GPU_TARGETS = (
    form.Target("streams_vs_nemo", 3.0, at_least=True),
    form.Target("finalise_ms_b1", 15),
    form.Target("step_ms_b1", 3),
    form.Target("step_growth", 1.1),
)

Pcm = NDArray[np.float32]
Step = Callable[[], object]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)")
    line.add_argument("--shape", choices=("true", "tiny"), help="size of the dummy (default: true; --quick: tiny)")
    line.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    line.add_argument("--minutes", type=int, help=f"length of the long stream (default: {MINUTES})")
    options = line.parse_args(arguments)
    shape: Shape = options.shape or ("tiny" if options.quick else "true")
    torch.set_num_threads(options.threads)
    import_nemo()
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    device = pick_device(options.device)
    form.progress(f"building a dummy of the {shape} shape")
    measure_steps(report, str(nemotron_file(shape)), device, QUICK_ROUNDS if options.quick else ROUNDS)
    measure_growth(report, options.minutes or (QUICK_MINUTES if options.quick else MINUTES))
    report.summary = summarise(report.samples, device) | {"shape": shape, "threads": options.threads}
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, GPU_TARGETS if device.type == "cuda" else CPU_TARGETS))
    return 0


def measure_steps(report: form.Report, checkpoint: str, device: torch.device, rounds: int) -> None:
    """Let NeMo's, the sample and ours in every dtype take turns, at every batch size."""
    batches = GPU_BATCHES if device.type == "cuda" else BATCHES
    most = max(batches)
    form.progress("loading NeMo's pipeline")
    pipeline = NemoPipeline(checkpoint, LEFT, RIGHT, most, device)
    model = pipeline.model
    load = partial(load_asr, checkpoint, store=Store(), device=device, threads=torch.get_num_threads())
    dtypes = [name for name in DTYPES if name != "int8" or device.type == "cpu"]
    models = {name: load(dtype=DTYPES[name]) for name in dtypes}
    recognisers = {name: Recogniser(weights, GEOMETRY, most, batches) for name, weights in models.items()}
    for recogniser in recognisers.values():
        recogniser.warm_up()
    random = np.random.default_rng(0)
    report.samples["steps"] = []
    for batch in batches:
        windows = noise(random, batch, GEOMETRY.window_samples)
        chunks = noise(random, batch, pipeline.chunk_samples)
        slots = list(range(batch))
        pipeline.open(batch)
        takers: dict[str, Step] = {
            f"ours {name}": partial(recogniser.step, slots, windows) for name, recogniser in recognisers.items()
        }
        takers["nemo"] = partial(pipeline.step, chunks)
        if batch == 1:
            january = JanuarySample(model, LEFT, RIGHT)
            takers["january"] = lambda chunks=chunks, january=january: january.step(chunks[0])  # type: ignore[misc]
        times = take_turns(takers, rounds)
        report.samples["steps"] += [{"who": who, "batch": batch, "ms": ms} for who, ms in times.items()]
        form.progress(", ".join(f"{who} {median(ms):.1f} ms" for who, ms in times.items()) + f" at batch {batch}")
    form.progress("comparing the dtypes")
    report.samples["agreement"] = agreement(recognisers, random)
    own = models["bfloat16" if device.type == "cuda" else "float32"]
    engine = NemotronEngine(lambda: own, right_context=RIGHT, max_streams=1)
    engine.load()
    report.samples["finalise_ms"] = [finalise_ms(engine, random) for _ in range(rounds)]


def take_turns(takers: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each step of each; the first round warms up and does not count."""
    times: dict[str, list[float]] = {who: [] for who in takers}
    for round_ in range(rounds + 1):
        for who, step in takers.items():
            taken = [timed_ms(step) for _ in range(STEPS)]
            if round_:
                times[who] += taken
    return times


def timed_ms(step: Step) -> float:
    """Return how long a step takes. All of them end with tokens on the host, so nothing is under way afterwards."""
    began = time.perf_counter()
    step()
    return round((time.perf_counter() - began) * 1000, 3)


def finalise_ms(engine: NemotronEngine, random: np.random.Generator) -> float:
    """Return the time from asking for a final text to having it, everything heard before being done."""
    finals: list[Transcript] = []
    stream = engine.open(lambda event: finals.append(event) if isinstance(event, Transcript) else None)
    stream.push(noise(random, 1, int(random.uniform(1.0, 1.2) * SAMPLE_RATE))[0])
    drive(engine)
    began = time.perf_counter()
    stream.finalise(1, 0.0)
    drive(engine)
    taken = (time.perf_counter() - began) * 1000
    stream.close()
    if not finals:
        raise VoiceAgentError("The recogniser gave no final text: run its tests (`make test`).")
    return round(taken, 3)


@torch.inference_mode()
def agreement(recognisers: dict[str, Recogniser], random: np.random.Generator) -> list[dict[str, Any]]:
    """Let every dtype hear the same utterances; count each one's tokens and those in common with float32's in order,
    and compare the encoders' outputs. Each goes on from its own state: errors of earlier steps add up.
    """
    compared: list[dict[str, Any]] = []
    for _ in range(UTTERANCES):
        loudness = np.repeat(random.uniform(0, 2, UTTERANCE_STEPS // 2), 2)
        windows = [noise(random, 1, GEOMETRY.window_samples) * np.float32(volume) for volume in loudness]
        heard, encoded = {}, {}
        for name, recogniser in recognisers.items():
            recogniser.reset(0)
            heard[name] = [token for window in windows for token in recogniser.step([0], window)[0].tokens]
            recogniser.reset(0)
            slot = torch.zeros(1, dtype=torch.int64, device=recogniser.device)
            pieces = [torch.from_numpy(window).to(recogniser.device) for window in windows[:ENCODED_STEPS]]
            encoded[name] = torch.stack([recogniser.encode(piece, slot) for piece in pieces])
        exact, exactly = heard.pop("float32"), encoded.pop("float32")
        for name, tokens in heard.items():
            blocks = SequenceMatcher(None, exact, tokens, autojunk=False).get_matching_blocks()
            same = sum(block.size for block in blocks)
            error = round(float((encoded[name] - exactly).norm() / exactly.norm()), 5)
            compared.append({"dtype": name, "error": error, "float32": len(exact), "other": len(tokens), "same": same})
    return compared


def measure_growth(report: form.Report, minutes: int) -> None:
    """Compare the first minute of a stream with its last, ours and the sample's."""
    form.progress(f"a stream of {minutes} minutes (tiny shape)")
    model = dummy_asr("tiny")
    recogniser = Recogniser(model, GEOMETRY, 1, [1])
    recogniser.warm_up()
    random = np.random.default_rng(1)
    per_minute = 60 * SAMPLE_RATE // GEOMETRY.chunk_samples
    window = noise(random, 1, GEOMETRY.window_samples)
    samples: list[dict[str, Any]] = []
    for minute in range(minutes):
        ms = [timed_ms(lambda: recogniser.step([0], window)) for _ in range(per_minute)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        samples.append({"who": "ours", "minute": minute + 1, "ms": ms, "peak_mib": peak})
    january = JanuarySample(model, LEFT, RIGHT)
    chunk = noise(random, 1, GEOMETRY.chunk_samples)[0]
    for minute in count(1):
        ms = [timed_ms(lambda: january.step(chunk)) for _ in range(20)]
        samples.append({"who": "january", "minute": minute, "ms": ms})
        if minute == minutes:
            break
        january.listen(noise(random, 1, 60 * SAMPLE_RATE - 20 * GEOMETRY.chunk_samples)[0])
    report.samples["growth"] = samples


def summarise(samples: dict[str, list[Any]], device: torch.device) -> dict[str, Any]:
    """Return the flat summary."""
    steps = {(entry["who"], entry["batch"]): entry["ms"] for entry in samples["steps"]}
    ours = "ours bfloat16" if device.type == "cuda" else "ours float32"
    chunk_ms = GEOMETRY.chunk_samples / SAMPLE_RATE * 1000
    summary: dict[str, Any] = {}
    for who, batch in steps:
        key = who.removeprefix("ours ").replace("float32", "step").replace("bfloat16", "step_bf16")
        key = key.replace("int8", "step_int8")
        key = {"nemo": "nemo_step", "january": "january_step"}.get(key, key)
        summary[f"{key}_ms_b{batch}"] = form.percentile(steps[who, batch], 50)
        summary[f"{key}_ms_p95_b{batch}"] = form.percentile(steps[who, batch], 95)
        summary[f"{key.replace('step', 'realtime_factor')}_b{batch}"] = times(
            batch * chunk_ms, median(steps[who, batch])
        )
    whos = {who for who, _ in steps}
    for batch in sorted({batch for _, batch in steps}):
        nemo = median(steps["nemo", batch])
        speeds = {name: times(nemo, median(steps[f"ours {name}", batch])) for name in DTYPES if f"ours {name}" in whos}
        summary |= {f"speed_{SHORT[name]}_vs_nemo_b{batch}": speed for name, speed in speeds.items()}
        summary[f"fastest_b{batch}"] = max(speeds, key=speeds.__getitem__)
        summary[f"speed_vs_nemo_b{batch}"] = max(speeds.values())
    summary["speed_vs_january_b1"] = times(median(steps["january", 1]), median(steps[ours, 1]))
    if device.type == "cuda":
        summary["streams_vs_nemo"] = streams_vs_nemo(steps, ours)
    summary["finalise_ms_b1"] = form.percentile(samples["finalise_ms"], 50)
    for name in sorted({entry["dtype"] for entry in samples["agreement"]}):
        compared = [entry for entry in samples["agreement"] if entry["dtype"] == name]
        heard = sum(max(entry["float32"], entry["other"]) for entry in compared)
        summary[f"{SHORT[name]}_same_tokens_percent"] = form.ratio(sum(entry["same"] for entry in compared), heard)
        summary[f"{SHORT[name]}_error_percent"] = round(100 * median(entry["error"] for entry in compared), 2)
    for who, prefix in (("ours", ""), ("january", "january_")):
        minutes = [entry for entry in samples["growth"] if entry["who"] == who]
        summary[f"{prefix}step_growth"] = times(median(minutes[-1]["ms"]), median(minutes[0]["ms"]))
    first, last = (entry["peak_mib"] for entry in (samples["growth"][0], minutes_of(samples, "ours")[-1]))
    summary["memory_growth_mib"] = last - first
    return summary


def minutes_of(samples: dict[str, list[Any]], who: str) -> list[dict[str, Any]]:
    """Return the minutes of one of the three."""
    return [entry for entry in samples["growth"] if entry["who"] == who]


def streams_vs_nemo(steps: dict[tuple[str, int], list[float]], ours: str) -> float | None:
    """Return how many times NeMo's streams we serve with no longer steps than its own at the largest batch it can do
    within a chunk's time.
    """
    limit_ms = GEOMETRY.chunk_samples / SAMPLE_RATE * 1000

    def p95(who: str, batch: int) -> float:
        return form.percentile(steps[who, batch], 95) or 0.0

    batches = sorted({batch for _, batch in steps})
    fits = [batch for batch in batches if p95("nemo", batch) <= limit_ms]
    if not fits:
        return None
    allowed = p95("nemo", fits[-1])
    return times(max((batch for batch in batches if p95(ours, batch) <= allowed), default=0), fits[-1])


def times(one: float, other: float) -> float:
    """Return a ratio."""
    return round(one / other, 2)


def noise(random: np.random.Generator, rows: int, samples: int) -> Pcm:
    """Return audible sound: (rows, samples)."""
    return random.normal(0, 0.05, (rows, samples)).astype(np.float32)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
