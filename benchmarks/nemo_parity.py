"""Do our loops give what NeMo's give? Full-size dummy weights, the same input, code by code and token by token.

Magpie TTS, for both frame stackings, greedy and with the same draws, guided, two utterances together: our cached loop
against NeMo's with its cache on, our recomputing loop against NeMo's default, and, since those must differ, how soon
our cached loop parts from NeMo's default. Nemotron Speech, at every look-ahead: several streams together against NeMo
one by one. In float32, of which equal sums in another order may differ in the last bits: at these sizes a close call
may fall differently, and all that follows it with it. It needs `voiceagent[nemo]`.
"""

import sys
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from benchmarks import form
from benchmarks.nemo_magpie import Codes, nemo_batch, ours, same_draws, sampling, tokens
from benchmarks.nemo_nemotron import hear, murmur, padded
from voiceagent.engines.asr.nemotron.geometry import FRAME_SAMPLES, Geometry
from voiceagent.engines.asr.nemotron.recogniser import Recogniser
from voiceagent.engines.asr.nemotron.track import Track
from voiceagent.engines.nemo.dummies.magpie import dummy_magpie
from voiceagent.engines.nemo.dummies.nemotron import dummy_asr
from voiceagent.engines.nemo.precision import set_precision
from voiceagent.engines.nemo.runtime import pick_device
from voiceagent.engines.tts.magpie.decode_loop import DecodeLoop

NAME = "nemo_parity"
TEXTS = ("hello there, old friend.", "it rains.")
VOICES, SEEDS = (3, 0), (11, 12)
FRAMES = 40
SECONDS = (4.0, 3.1, 5.3)
TARGETS = (
    form.Target("tts_cached_equal_percent", 100, at_least=True),
    form.Target("tts_recomputing_equal_percent", 100, at_least=True),
    form.Target("asr_equal_percent", 100, at_least=True),
)

Shape = Literal["true", "tiny"]


def main(arguments: Sequence[str]) -> int:
    """Run the comparison; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)")
    line.add_argument("--shape", choices=("true", "tiny"), help="size of the dummy (default: true; --quick: tiny)")
    line.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    line.add_argument("--only", choices=("tts", "asr"), help="one of the two models")
    line.add_argument("--look-ahead", type=int, metavar="FRAMES", help="of the recogniser: only this one")
    options = line.parse_args(arguments)
    shape: Shape = options.shape or ("tiny" if options.quick else "true")
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    set_precision(device, convolutions="ieee")  # or NeMo's convolutions would be rounded more than ours as products
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    report.samples = {"tts": [], "asr": []}
    for stacking in () if options.only == "asr" else (1, 2):
        form.progress(f"Magpie TTS, frame stacking {stacking}: a dummy of the {shape} shape")
        model = dummy_magpie(shape, stacking=stacking, codec="tiny").to(device)
        report.samples["tts"] += compare_voices(model)
        del model  # before the next one: each is large
    if options.only != "tts":
        form.progress(f"Nemotron Speech: a dummy of the {shape} shape")
        report.samples["asr"] = compare_ears(dummy_asr(shape).to(device), options.look_ahead)
    report.summary = summarise(report.samples) | {"shape": shape}
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, TARGETS))
    return 0


def compare_voices(model: Any) -> list[dict[str, Any]]:
    """Run both of our loops and both of NeMo's on the same text, greedy and with the same draws."""
    stacking = model.frame_stacking_factor
    model.inference_parameters.max_decoder_steps = FRAMES
    model.inference_parameters.ignore_finished_sentence_tracking = True
    texts = [tokens(model, text) for text in TEXTS]
    found = []
    for greedy in (True, False):
        how = sampling(model, greedy=greedy, guidance=True)
        said: dict[str, list[Codes]] = {}
        for cached in (True, False):
            kind = "cached" if cached else "recomputing"
            form.progress(f"{'greedy' if greedy else 'drawn'}, {kind}")
            with same_draws(model, SEEDS):
                said[f"NeMo, {kind}"] = nemo_batch(model, texts, VOICES, guidance=True, cached=cached)
            loop = DecodeLoop(model, how, rows=len(TEXTS), recompute=not cached)
            loop.warm_up()
            said[f"ours, {kind}"] = ours(loop, model, TEXTS, VOICES, SEEDS)
        for one, other in (("cached", "cached"), ("recomputing", "recomputing"), ("cached", "recomputing")):
            pairs = zip(TEXTS, said[f"ours, {one}"], said[f"NeMo, {other}"], strict=True)
            found += [
                {
                    "stacking": stacking,
                    "choice": "greedy" if greedy else "drawn",
                    "ours": one,
                    "nemo": other,
                    "text": text,
                    **difference(mine, theirs),
                }
                for text, mine, theirs in pairs
            ]
    return found


def difference(mine: Codes, theirs: Codes) -> dict[str, int | None]:
    """Return how many frames there are, how many begin alike, and the codes that are equal among all."""
    length = min(len(mine), len(theirs))
    alike = (mine[:length] == theirs[:length]).all(1)
    first = int(np.argmin(alike)) if not alike.all() else length
    return {
        "frames": max(len(mine), len(theirs)),
        "frames_alike": first,
        "codes": max(mine.size, theirs.size),
        "codes_equal": int((mine[:length] == theirs[:length]).sum()),
    }


def compare_ears(model: Any, look_ahead: int | None = None) -> list[dict[str, Any]]:
    """Let NeMo hear some recordings one by one, and our recogniser all of them together, at every look-ahead or one."""
    found = []
    recordings = [murmur(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    for left, right in model.encoder.att_context_size_all:
        if look_ahead not in (None, right):
            continue
        form.progress(f"look-ahead {right}")
        geometry = Geometry(left, right)
        recogniser = Recogniser(model, geometry, len(recordings), [len(recordings)])
        recogniser.warm_up()
        tracks = [Track(slot, geometry) for slot in range(len(recordings))]
        for track, pcm in zip(tracks, recordings, strict=True):
            recogniser.reset(track.slot)
            track.push(pcm)
        left_over = [track.chunks_to(track.heard) for track in tracks]
        heard: list[list[tuple[int, int]]] = [[] for _ in tracks]
        for chunk in range(max(left_over)):
            going = [track for track, chunks in zip(tracks, left_over, strict=True) if chunk < chunks]
            steps = recogniser.step([t.slot for t in going], np.stack([t.next_window() for t in going]))
            for track, step in zip(going, steps, strict=True):
                heard[track.slot] += [(token.id, token.at // FRAME_SAMPLES) for token in track.advance(step)]
        for pcm, mine in zip(recordings, heard, strict=True):
            theirs = hear(model, padded(pcm, geometry), geometry)
            wanted = list(zip(theirs.tokens, theirs.frames, strict=True))
            equal = sum(a == b for a, b in zip(mine, wanted, strict=False))
            found.append({"look_ahead": right, "tokens": max(len(wanted), len(mine)), "tokens_equal": equal})
    return found


def summarise(samples: dict[str, list[Any]]) -> dict[str, Any]:
    """Bring the samples down to the numbers that matter."""

    def voices(mine: str, theirs: str) -> list[dict[str, Any]]:
        return [row for row in samples["tts"] if (row["ours"], row["nemo"]) == (mine, theirs)]

    def share(rows: list[dict[str, Any]], unit: str) -> float | None:
        return form.ratio(sum(row[f"{unit}_equal"] for row in rows), sum(row[unit] for row in rows))

    apart = voices("cached", "recomputing")
    return {
        "tts_cached_equal_percent": share(voices("cached", "cached"), "codes"),
        "tts_recomputing_equal_percent": share(voices("recomputing", "recomputing"), "codes"),
        "asr_equal_percent": share(samples["asr"], "tokens"),
        "tts_codes": sum(row["codes"] for row in voices("cached", "cached")),
        "asr_tokens": sum(row["tokens"] for row in samples["asr"]),
        "cached_vs_default_equal_percent": share(apart, "codes"),
        "cached_vs_default_frames_alike_min": min((row["frames_alike"] for row in apart), default=None),
        "cached_vs_default_frames_alike_p50": form.percentile([row["frames_alike"] for row in apart], 50),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
