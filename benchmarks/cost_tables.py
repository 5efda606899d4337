"""How long steps take on simulated devices, and where each number comes from. Plain data.

None of these devices was available. Every number is one of three: *published* (by its maker or by users of
pipecat-ai/nemotron-january-2026), *measured* (the CPU's, from `benchmarks/results/voice_to_voice.json`), or *estimated*
from a published one by the rule next to it. A simulation is only as good as its table: it compares policies, which
share the table; it predicts no machine.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.form import REPOSITORY
from voiceagent.engines.timing import CostTable

MS = 0.001
WORD_S = 0.3
"""Audio of one word, and of one step of the scripted voice."""
CHUNK_S = 0.16
"""Audio of one step of the streaming recogniser."""

Sizes = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Device:
    """A simulated machine."""

    name: str
    table: CostTable
    concurrency: int
    """Steps that run at once without slowing each other down."""
    off_device: frozenset[str]
    """Lanes that run on another device: on a GPU machine, what runs on its CPU."""
    streaming: bool
    """Whether the recogniser hears every chunk as it comes, as Nemotron does, or only whole stretches of speech."""


def per_stream(one_s: float, more_s: float, most: int = 64) -> Sizes:
    """Return step times that grow by the same amount with every stream."""
    return {1: one_s, most: one_s + more_s * (most - 1)}


def scaled(sizes: Sizes, factor: float) -> Sizes:
    """Return step times of a device slower (or faster) by a factor."""
    return {size: seconds * factor for size, seconds in sizes.items()}


CPU_BESIDE: dict[str, Sizes] = {
    "vad.frame": per_stream(0.2 * MS, 0.01 * MS, 128),  # Silero: 0.2 ms a frame on one core; batches estimated
    "turn.predict": {1: 63 * MS},  # Smart Turn: 63 ms on one slow core, measured
    "asr.partial": per_stream(0.1 * MS, 0.0),  # showing what the chunks have already given
}

# A step of the scripted LLM is a word, and an English word is about 1.3 tokens.
TOKENS_PER_WORD = 1.3
# DGX Spark. LLM published: Qwen3-Coder-30B-A3B Q8_0 in llama.cpp, the nearest relative of Nemotron-3-Nano:
# 60.9 tokens/s for 1 stream, 155 for 8, 345 for 32. A new turn's 30 tokens reach as many experts as 32 streams do.
SPARK_DECODE: Sizes = {n: TOKENS_PER_WORD * n / rate for n, rate in ((1, 60.9), (8, 155), (32, 345))}
SPARK_PREFILL: Sizes = {1: 32 / 345, 4: 2 * 32 / 345}

# RTX 5090. ASR published: encoder step 10.27 ms + front end 1.06 ms, final text 18 ms P50; a further stream of the
# batch estimated from NVIDIA's 560 streams at 320 ms on an H100: 0.57 ms.
ASR_MORE_S = 320 * MS / 560
RTX_CHUNK = per_stream((10.27 + 1.06) * MS, ASR_MORE_S)
RTX_FINAL = per_stream(18 * MS, ASR_MORE_S)
# LLM published: 134 tokens/s on an RTX 4090 at Q4, which an RTX 5090 betters; batches grow as on DGX Spark.
RTX_LLM = 60.9 / 134
# TTS published: NVIDIA's NIM of Magpie, on a GPU it does not name: 10.2x real time for 1 stream, 19.2x for 2 together;
# every further stream is assumed to add what the second did.
NIM_1, NIM_2 = WORD_S / 10.2, 2 * WORD_S / 19.2
NIM_TTS = per_stream(NIM_1, NIM_2 - NIM_1)

# What pipecat-ai/nemotron-january-2026 took on DGX Spark and on the RTX 5090: final text 33 and 18 ms, first
# audio 193 and 107 ms. The same factors for the tables.
SPARK_ASR = 33 / 18
SPARK_TTS = 193 / 107
# H200: memory 4.8 TB/s against 1.8. Only the LLM is bound by it; the small steps of ASR and TTS are taken from the
# RTX 5090.
H200_LLM = RTX_LLM * 1.8 / 4.8


def gpu(name: str, *, asr: float, llm: float, tts: float) -> Device:
    """Return a machine with one GPU, as factors of RTX 5090 (ASR), DGX Spark (LLM) and NVIDIA's NIM (TTS)."""
    table: dict[str, Sizes] = {
        **CPU_BESIDE,
        "asr.chunk": scaled(RTX_CHUNK, asr),
        "asr.final": scaled(RTX_FINAL, asr),
        "llm.prefill": scaled(SPARK_PREFILL, llm),
        "llm.decode": scaled(SPARK_DECODE, llm),
        "tts.segment": scaled(NIM_TTS, tts),
    }
    return Device(name, CostTable(table), concurrency=1, off_device=frozenset({"vad", "turn"}), streaming=True)


def measured_cpu() -> Device:
    """Return the two cores on which the voice-to-voice benchmark was run, at the medians of its stages.

    What the report lacks is kept from `voiceagent.engines.timing`: it names stages, not steps.
    """
    path = REPOSITORY / "benchmarks" / "results" / "voice_to_voice.json"
    questions = json.loads(path.read_text(encoding="utf-8"))["samples"]["questions"]
    first_words = 10
    table: dict[str, Sizes] = {
        "vad.frame": {1: 0.3 * MS},
        "turn.predict": {1: 63 * MS},
        "asr.partial": {1: 50 * MS},
        "asr.final": {1: _stage_s(questions, "transcript")},
        "llm.prefill": {1: _stage_s(questions, "first token")},
        "llm.decode": {1: _stage_s(questions, "first segment") / first_words},
        "tts.segment": {1: _stage_s(questions, "first audio") / first_words},
    }
    return Device("cpu2", CostTable(table), concurrency=2, off_device=frozenset(), streaming=False)


def _stage_s(questions: list[Any], name: str) -> float:
    spans = [span for asked in questions for span in asked["trace"]["spans"] if span["name"] == name]
    return median(span["end_ms"] - span["start_ms"] for span in spans) * MS


SPARK = gpu("spark", asr=SPARK_ASR, llm=1.0, tts=SPARK_TTS)
RTX_5090 = gpu("rtx5090", asr=1.0, llm=RTX_LLM, tts=1.0)
H200 = gpu("h200", asr=1.0, llm=H200_LLM, tts=1.0)
