"""What a frame of speech costs: our decode loop over Magpie TTS against NeMo's `generate_speech`, in one run.

Full-size dummy weights (speed, not quality), the same text, voice and guidance. NeMo is clocked at every step of one
utterance of five seconds at batch 1, in float32, as its loop needs; its longer and larger runs take minutes each on a
CPU and are left out. The codec's time is listed next to the loop's, and is part of the first audio and of the real-time
factor. It needs `voiceagent[nemo]`.
"""

import sys
import time
from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import form
from benchmarks.dummies.files import magpie_files
from benchmarks.dummies.gguf_shape import Size
from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
from voiceagent.engines.nemo.runtime import pick_device, pick_dtype
from voiceagent.engines.tts.magpie.codec import StreamingCodec
from voiceagent.engines.tts.magpie.decode_loop import Chunk, Context, DecodeLoop
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
CPU_TARGETS = (form.Target("speed_vs_nemo_5s", 5.0, at_least=True), form.Target("frame_cost_growth", 1.15))
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
    options = line.parse_args(arguments)
    shape: Size = options.shape or ("tiny" if options.quick else "true")
    device = pick_device(options.device)
    report = form.Report(NAME, form.command(NAME, arguments))
    form.progress(f"building a dummy of the {shape} shape")
    checkpoint, codec = map(str, magpie_files(shape, stacking=options.stacking))
    load = partial(load_magpie, checkpoint, codec=codec, store=Store(), device=device, threads=options.threads)
    dtype = pick_dtype("auto", device)
    model = load(dtype=dtype)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    batches = QUICK_BATCHES if options.quick else GPU_BATCHES if device.type == "cuda" else BATCHES
    measure_codec(report, model)
    for batch in batches:
        for _ in range(1 if options.quick or batch > 1 else ALONE_ROUNDS):
            measure_ours(report, model, batch, max(seconds))
    theirs = model if dtype == torch.float32 else load(dtype=torch.float32)
    measure_nemo(report, theirs, QUICK_SECONDS[-1] if options.quick else NEMO_SECONDS)
    report.summary = summarise(report.samples, options.stacking, seconds) | {
        "stacking": options.stacking,
        "threads": options.threads,
    }
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, GPU_TARGETS if device.type == "cuda" else CPU_TARGETS))
    return 0


def text_of(model: Any) -> tuple[int, ...]:
    """Return the benchmark's text as tokens."""
    return (*model.tokenizer.encode(text=TEXT, tokenizer_name="english_phoneme"), model.eos_id)


def steps_in(seconds: float, stacking: int) -> int:
    """Return the decoding steps for so much speech."""
    return round(seconds * FRAMES_PER_S / stacking)


def measure_codec(report: form.Report, model: Any) -> None:
    """Clock the codec at the sizes of the pieces of the default preset."""
    codec = StreamingCodec(model, 1)
    report.samples["codec"] = []
    preset = PRESETS["balanced"]
    if codec.device.type == "cuda":
        codec.record(preset.sizes, 1)
    for frames in preset.sizes:
        codes = np.zeros((frames, model.num_audio_codebooks), np.int64)
        codec.decode([0], [codes])  # warm
        for _ in range(CODEC_ROUNDS):
            began = time.perf_counter()
            codec.decode([0], [codes])
            report.samples["codec"].append({"frames": frames, "ms": clock_ms(began)})


def measure_ours(report: form.Report, model: Any, batch: int, seconds: float) -> None:
    """Clock the reading of the text, and every step of a batch."""
    form.progress(f"ours, batch {batch}")
    loop = DecodeLoop(model, Sampling.of_model(model), rows=batch)
    loop.warm_up()
    chunk, steps = Chunk(text_of(model), 0), steps_in(seconds, model.frame_stacking_factor)
    loop.drop(loop.begin(chunk, Context()))  # warm
    began = time.perf_counter()
    rows = [loop.begin(chunk, Context(), steps) for _ in range(batch)]
    settle()
    report.samples.setdefault("begin", []).append({"batch": batch, "ms": clock_ms(began) / batch})
    took = []
    for _ in range(steps):
        began = time.perf_counter()
        loop.step(rows)
        took.append(clock_ms(began))
    report.samples.setdefault("ours", []).append({"batch": batch, "steps_ms": took})


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


def summarise(samples: dict[str, list[Any]], stacking: int, seconds: Sequence[int]) -> dict[str, float | int | None]:
    """Bring the samples down to the numbers that matter."""
    batches = sorted({entry["batch"] for entry in samples["ours"]})
    runs = {batch: [entry["steps_ms"] for entry in samples["ours"] if entry["batch"] == batch] for batch in batches}
    ours = {batch: [median(steps) for steps in zip(*runs[batch], strict=True)] for batch in batches}
    alone, nemo = ours[1], samples["nemo"][0]["steps_ms"]
    second, fastest = max(2, steps_in(1, stacking)), [min(steps) for steps in zip(*runs[1], strict=True)]
    codec = {
        frames: median(entry["ms"] for entry in samples["codec"] if entry["frames"] == frames)
        for frames in {entry["frames"] for entry in samples["codec"]}
    }
    first = PRESETS["balanced"].first
    codec_frame_ms = codec[PRESETS["balanced"].following] / PRESETS["balanced"].following
    begin_ms = samples["begin"][0]["ms"]
    frame_ms = {batch: median(took) / stacking for batch, took in ours.items()}
    largest = max(ours)
    frame_s = 1 / FRAMES_PER_S
    summary: dict[str, float | int | None] = {
        "speed_vs_nemo_5s": round(sum(nemo) / sum(alone[: len(nemo)]), 2),
        "frame_cost_growth": round(median(fastest[-second:]) / median(fastest[:second]), 3),
        "first_audio_ms": round(begin_ms + sum(alone[: -(-(first + 1) // stacking)]) + codec[first], 1),
        "realtime_factor_b1": round(1_000 * frame_s / (frame_ms[1] + codec_frame_ms), 2),
        "realtime_factor_loop_b1": round(1_000 * frame_s / frame_ms[1], 2),
        "realtime_streams": int(1_000 * frame_s * largest / frame_ms[largest]),
        "codec_ms_per_frame": round(codec_frame_ms, 2),
        "begin_ms": round(begin_ms, 1),
        "nemo_frame_ms_b1": round(median(nemo) / stacking, 2),
    }
    summary |= {f"frame_ms_b{batch}": round(cost, 2) for batch, cost in frame_ms.items()}
    for batch, took in ours.items():
        for length in seconds:
            factor = length * 1_000 / sum(took[: steps_in(length, stacking)])
            summary[f"loop_realtime_factor_b{batch}_{length}s"] = round(batch * factor, 2)
    return summary


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
