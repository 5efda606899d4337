"""What a frame of speech costs: our decode loop over Magpie TTS against NeMo's `generate_speech`, in one run.

Full-size dummy weights (speed, not quality), the same text, voice and guidance. NeMo is clocked at every step of one
utterance of five seconds at batch 1, in float32, as its loop needs; its longer and larger runs take minutes each on a
CPU and are left out. First audio and real-time factor are those of whole utterances by the engine, codec included; the
codec's time is listed as well. On a CPU ours has bfloat16 and int8 weights as well, and it is counted how many frames
keep float32's codes, and how loud the codec's error is; first audio, real-time factor and speed against NeMo are then
those of the fastest. With `--part` it measures one of them, and takes the others from the file that it writes: a run
that fits into a few minutes. It needs `voiceagent[nemo]`.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import form
from benchmarks.dummies.files import magpie_files
from benchmarks.dummies.gguf_shape import Size
from benchmarks.magpie_speech import measure_speech
from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
from voiceagent.engines.nemo.runtime import pick_device
from voiceagent.engines.tts.magpie.codec import StreamingCodec
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop
from voiceagent.engines.tts.magpie.packed_codec import codec_for
from voiceagent.engines.tts.magpie.presets import PRESETS
from voiceagent.engines.tts.magpie.sampling import Sampling
from voiceagent.weights import Store

NAME = "magpie_decode"
TEXT = "the quick brown fox jumps over the lazy dog near the river bank, and then it sleeps in the warm sun."
FRAMES_PER_S = 22_050 / 1_024
SECONDS, QUICK_SECONDS = (2, 5, 10), (1, 2)
NEMO_SECONDS = 5
BATCHES, QUICK_BATCHES, GPU_BATCHES = (1, 4, 16), (1, 2), (1, 4, 16, 64)
CODEC_ROUNDS = 3
ALONE_ROUNDS = 3
"""Utterances at batch 1, to distinguish a slow moment of the machine from the cost of a long utterance: for
growth the fastest of each step counts, for all else the median."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "int8": torch.int8}
SHORT = {"float32": "float32", "bfloat16": "bf16", "int8": "int8"}
"""What the summary calls them."""
NEMO = "nemo"
COMPARED_STEPS, COMPARED_SEEDS = 40, 4
CPU_TARGETS = (
    form.Target("speed_vs_nemo_5s", 18.0, at_least=True),
    form.Target("realtime_factor_b1", 1.0, at_least=True),
    form.Target("first_audio_ms", 700.0),
    form.Target("frame_cost_growth", 1.15),
)
GPU_TARGETS = (
    form.Target("speed_vs_nemo_5s", 10.0, at_least=True),
    form.Target("frame_cost_growth", 1.15),
    form.Target("frame_ms_b1", 2.0),
    form.Target("first_audio_ms", 40.0),
    form.Target("realtime_streams", 64, at_least=True),
)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)")
    line.add_argument("--shape", choices=("true", "tiny"), help="size of the dummy (default: true; --quick: tiny)")
    line.add_argument("--stacking", type=int, choices=(1, 2), default=1, help="frames in a step (default: 1)")
    line.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    line.add_argument("--part", choices=(*DTYPES, NEMO), help="measure only this, and add it to the --json file")
    options = line.parse_args(arguments)
    shape: Size = options.shape or ("tiny" if options.quick else "true")
    device = pick_device(options.device)
    report = form.Report(NAME, form.command(NAME, arguments))
    if options.part and options.json and options.json.exists():
        report.samples = json.loads(options.json.read_text(encoding="utf-8"))["samples"]
    report.keep(options.json)
    form.progress(f"building a dummy of the {shape} shape")
    checkpoint, codec = map(str, magpie_files(shape, stacking=options.stacking))
    load = partial(load_magpie, checkpoint, codec=codec, store=Store(), device=device, threads=options.threads)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    batches = QUICK_BATCHES if options.quick else GPU_BATCHES if device.type == "cuda" else BATCHES
    own = "float32" if device.type == "cpu" else "bfloat16"
    every = (*(DTYPES if device.type == "cpu" else (own,)), NEMO)
    rounds = 1 if options.quick else ALONE_ROUNDS
    nemo_seconds = QUICK_SECONDS[-1] if options.quick else NEMO_SECONDS
    for part in (options.part,) if options.part else every:
        forget(report, part)
        model = load(dtype=torch.float32, packed=False) if part == NEMO else load(dtype=DTYPES[part])
        if part == NEMO:
            measure_nemo(report, model, nemo_seconds)
            continue
        for batch in batches if part == own else batches[:2]:
            for _ in range(rounds if batch == 1 else 1):
                measure_ours(report, model, part, batch, max(seconds) if part == own else nemo_seconds)
        measure_codec(report, model, part)
        speech = measure_speech(model, TEXT, part, options.threads, nemo_seconds)
        report.samples["speech"] = report.samples.get("speech", []) + speech
        if device.type == "cpu":
            compare(report, model, part)
    if {entry["dtype"] for entry in report.samples.get("ours", [])} | set(report.samples) >= {own, NEMO}:
        report.summary = summarise(report.samples, own, options.stacking, seconds) | {
            "stacking": options.stacking,
            "threads": options.threads,
        }
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, GPU_TARGETS if device.type == "cuda" else CPU_TARGETS))
    return 0


def forget(report: form.Report, part: str) -> None:
    """Drop what an earlier run measured of this part."""
    for kind, entries in report.samples.items():
        report.samples[kind] = [entry for entry in entries if part not in (kind, entry.get("dtype"))]


def text_of(model: Any) -> tuple[int, ...]:
    """Return the benchmark's text as tokens."""
    return (*model.tokenizer.encode(text=TEXT, tokenizer_name="english_phoneme"), model.eos_id)


def steps_in(seconds: float, stacking: int) -> int:
    """Return the decoding steps for so much speech."""
    return round(seconds * FRAMES_PER_S / stacking)


def measure_codec(report: form.Report, model: Any, dtype: str) -> None:
    """Clock the codec at the sizes of the pieces of the default preset."""
    codec = codec_for(model, 1)
    preset = PRESETS["balanced"]
    if codec.device.type == "cuda":
        codec.record(preset.sizes, 1)
    for frames in preset.sizes:
        codes = np.zeros((frames, model.num_audio_codebooks), np.int64)
        codec.decode([0], [codes])  # warm
        for _ in range(CODEC_ROUNDS):
            began = time.perf_counter()
            codec.decode([0], [codes])
            entry = {"dtype": dtype, "frames": frames, "ms": clock_ms(began)}
            report.samples.setdefault("codec", []).append(entry)


def compare(report: form.Report, model: Any, dtype: str) -> None:
    """Note the codes that it chooses, and the error of its codec."""
    spoken = [{"dtype": dtype, "seed": seed, "codes": codes.tolist()} for seed, codes in enumerate(spoken_codes(model))]
    report.samples["codes"] = report.samples.get("codes", []) + spoken
    report.samples.setdefault("sound", []).append({"dtype": dtype, "error_db": sound_error_db(model)})


def sound_error_db(model: Any) -> float:
    """Return how loud the error is that the codec makes of some frames, relative to the sound in float32."""
    codes = np.random.default_rng(0).integers(0, model.codebook_size, (COMPARED_STEPS, model.num_audio_codebooks))
    exact, ours = (codec.decode([0], [codes])[0] for codec in (StreamingCodec(model, 1), codec_for(model, 1)))
    error = float(np.linalg.norm(ours - exact) / np.linalg.norm(exact))
    return float(20 * np.log10(max(error, 1e-9)))


def spoken_codes(model: Any) -> list[NDArray[np.int64]]:
    """Return the codes (frames, codebooks) of the benchmark's text with each of a few seeds."""
    loop, spoken = DecodeLoop(model, Sampling.of_model(model), rows=1), []
    for seed in range(COMPARED_SEEDS):
        row = loop.begin(Chunk(text_of(model), 0, seed), Context(), COMPARED_STEPS)
        spoken.append(np.concatenate([loop.step([row])[0].frames for _ in range(COMPARED_STEPS)]))
        loop.drop(row)
    return spoken


def measure_ours(report: form.Report, model: Any, dtype: str, batch: int, seconds: float) -> None:
    """Clock the reading of the text, and every step of a batch."""
    form.progress(f"ours, {dtype}, batch {batch}")
    loop = DecodeLoop(model, Sampling.of_model(model), rows=batch)
    loop.warm_up()
    chunk, steps = Chunk(text_of(model), 0), steps_in(seconds, model.frame_stacking_factor)
    loop.drop(loop.begin(chunk, Context()))  # warm
    began = time.perf_counter()
    rows = [loop.begin(chunk, Context(), steps) for _ in range(batch)]
    settle()
    report.samples.setdefault("begin", []).append({"dtype": dtype, "batch": batch, "ms": clock_ms(began) / batch})
    took = []
    for _ in range(steps):
        began = time.perf_counter()
        loop.step(rows)
        took.append(clock_ms(began))
    report.samples.setdefault("ours", []).append({"dtype": dtype, "batch": batch, "steps_ms": took})


def measure_nemo(report: form.Report, model: Any, seconds: float) -> None:
    """Clock every step of NeMo's own loop, at batch 1."""
    form.progress("NeMo's generate_speech, batch 1")
    stacking = model.frame_stacking_factor
    marks: list[float] = []
    embed = model.embed_audio_tokens

    def marked(*arguments: Any, **named: Any) -> Any:
        settle()
        marks.append(time.perf_counter())
        return embed(*arguments, **named)

    tokens = torch.tensor([text_of(model)], device=model.final_proj.weight.device)
    batch = {"text": tokens, "text_lens": torch.tensor([tokens.shape[1]], device=tokens.device), "speaker_indices": [0]}
    before = model.inference_parameters.max_decoder_steps
    model.inference_parameters.max_decoder_steps = steps_in(seconds, stacking) * stacking
    model.embed_audio_tokens = marked
    try:
        model.generate_speech(
            batch,
            chunk_state=model.create_chunk_state(batch_size=1),
            end_of_text=[True],
            beginning_of_text=True,
            use_cfg=True,
            use_local_transformer_for_inference=True,
        )
        settle()
        marks.append(time.perf_counter())
    finally:
        model.embed_audio_tokens = embed
        model.inference_parameters.max_decoder_steps = before
    took = [1_000 * float(gap) for gap in np.diff(marks)]
    report.samples["nemo"] = [{"batch": 1, "seconds": seconds, "steps_ms": took}]


def settle() -> None:
    """Let the GPU, if there is one, finish what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def clock_ms(began: float) -> float:
    """Return the milliseconds since then."""
    return 1_000 * (time.perf_counter() - began)


def summarise(samples: dict[str, list[Any]], own: str, stacking: int, seconds: Sequence[int]) -> dict[str, Any]:
    """Bring the samples down to the numbers that matter. `own` is the dtype that `auto` takes here."""
    runs: dict[tuple[str, int], list[list[float]]] = {}
    for entry in samples["ours"]:
        runs.setdefault((entry["dtype"], entry["batch"]), []).append(entry["steps_ms"])
    ours = {key: [median(steps) for steps in zip(*taken, strict=True)] for key, taken in runs.items()}
    batches = sorted(batch for dtype, batch in runs if dtype == own)
    nemo = samples["nemo"][0]["steps_ms"]
    second = max(2, steps_in(1, stacking))
    fastest_steps = [min(steps) for steps in zip(*runs[own, 1], strict=True)]
    piece = PRESETS["balanced"].following
    codec: dict[str, list[float]] = {}
    for entry in samples["codec"]:
        if entry["frames"] == piece:
            codec.setdefault(entry["dtype"], []).append(entry["ms"] / piece)
    speech: dict[str, list[dict[str, Any]]] = {}
    for entry in samples["speech"]:
        speech.setdefault(entry["dtype"], []).append(entry)
    frame_s = 1 / FRAMES_PER_S
    frame_ms = {key: median(took) / stacking for key, took in ours.items()}
    summary: dict[str, Any] = {}
    of: dict[str, dict[str, float]] = {}
    for dtype in dict.fromkeys(dtype for dtype, _ in ours):
        alone = ours[dtype, 1]
        begin_ms = median(one["ms"] for one in samples["begin"] if (one["dtype"], one["batch"]) == (dtype, 1))
        of[dtype] = {
            "speed_vs_nemo_5s": round(sum(nemo) / sum(alone[: len(nemo)]), 2),
            "first_audio_ms": round(median(one["first_audio_ms"] for one in speech[dtype]), 1),
            "realtime_factor_b1": round(median(one["audio_s"] / one["wall_s"] for one in speech[dtype]), 2),
            "realtime_factor_loop_b1": round(1_000 * frame_s / frame_ms[dtype, 1], 2),
            "begin_ms": round(begin_ms, 1),
            "codec_ms_per_frame": round(median(codec[dtype]), 2),
        }
        summary |= {f"{key}_{SHORT[dtype]}": value for key, value in of[dtype].items()}
    fastest = min(of, key=lambda dtype: frame_ms[dtype, 1])
    summary = {"fastest": fastest, **of[fastest], **summary}
    summary |= {
        "frame_cost_growth": round(median(fastest_steps[-second:]) / median(fastest_steps[:second]), 3),
        "realtime_streams": int(1_000 * frame_s * batches[-1] / frame_ms[own, batches[-1]]),
        "nemo_frame_ms_b1": round(median(nemo) / stacking, 2),
    }
    for (dtype, batch), cost in frame_ms.items():
        summary[f"frame_ms_b{batch}" if dtype == own else f"frame_ms_{SHORT[dtype]}_b{batch}"] = round(cost, 2)
    for batch in batches:
        for length in seconds:
            factor = length * 1_000 / sum(ours[own, batch][: steps_in(length, stacking)])
            summary[f"loop_realtime_factor_b{batch}_{length}s"] = round(batch * factor, 2)
    for entry in samples.get("sound", []):
        summary[f"sound_error_db_{SHORT[entry['dtype']]}"] = round(entry["error_db"], 1)
    summary |= {f"same_frames_{SHORT[dtype]}": frames for dtype, frames in same_frames(samples, own).items()}
    return summary


def same_frames(samples: dict[str, list[Any]], own: str) -> dict[str, float]:
    """Return after how many frames the codes of each other dtype part from those of `own`, the median of the seeds."""
    chosen: dict[str, dict[int, list[list[int]]]] = {}
    for entry in samples.get("codes", []):
        chosen.setdefault(entry["dtype"], {})[entry["seed"]] = entry["codes"]
    same: dict[str, float] = {}
    for dtype in (dtype for dtype in chosen if dtype != own and own in chosen):
        pairs = [(exact, chosen[dtype][seed]) for seed, exact in chosen[own].items()]
        same[dtype] = median(
            sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(*pair, strict=False))) for pair in pairs
        )
    return same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
