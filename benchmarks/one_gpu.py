"""ASR, LLM and voice in one process on one device: how long callers wait, and whether answers break off.

Real compute of all three models, with dummy weights at full size (`--shape tiny` for a machine without a GPU), under
the real scheduler and the real session machines; what the models say is teacher-forced (`taught_engines.py`), so that
the talk is that of the simulation: people ask, listen, hesitate, interrupt and say "mm-hm". Speech and silence are
distinguished by loudness, and turns end where the speaker says so. It is measured at the session's door: no network,
and no silence that is waited for; a lower bound of what a caller hears.

Compared at some numbers of callers: our policy with first-in-first-out, CUDA graphs with none, a stream for each lane
with one for all, and lanes that run side by side with one step at a time. Besides: how long loading took, the first
answer after it, how busy the GPU was and how full. It needs `voiceagent[nemo]`; without a
llama.cpp for the GPU the language model takes the times of a table instead, and the summary says so.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.util import find_spec
from statistics import median
from time import monotonic
from typing import Any, Literal
from unittest.mock import patch

import torch

from benchmarks import form
from benchmarks.cost_tables import H200
from benchmarks.dummies.files import gguf_file, magpie_files, nemotron_file
from benchmarks.gpu_use import sampling, use
from benchmarks.order_of_arrival import fifo
from benchmarks.simulated_engines import reply
from benchmarks.simulation import SETTINGS, Heard, Person
from benchmarks.taught_engines import TaughtMagpie, TaughtNemotron
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import lanes_of
from voiceagent.app.settings import load_settings
from voiceagent.engines.contract import CostKey
from voiceagent.engines.llm.contract import LlmEngine
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.nemo.checkpoint import load_asr
from voiceagent.engines.nemo.magpie_checkpoint import load_magpie
from voiceagent.engines.nemo.runtime import pick_device, pick_dtype
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.scheduler.lane import Lane, ThreadLane
from voiceagent.scheduler.policy import Policy, decide
from voiceagent.scheduler.scheduler import Scheduler, Step
from voiceagent.session.engines import Engines
from voiceagent.testing.live import LiveCaller
from voiceagent.trace.loop_lag import LoopLag
from voiceagent.trace.metrics import Metrics
from voiceagent.weights import Store

NAME = "one_gpu"
CALLERS, QUICK_CALLERS = (1, 8, 32, 64), (2,)
COMPARED, QUICK_COMPARED = (32,), (2,)
TALK_S, QUICK_TALK_S = 30.0, 3.0
LANES = 3
"""Steps that run side by side: one of each model."""
GRACE_S = 1.0
"""Steps under way end after the last caller has hung up."""
OWN_SETTINGS = ("llm.preemptive=true", "llm.system_prompt='You are a friendly voice assistant.'")
SESSION_TOKENS = 1024
BESIDE = frozenset({"vad", "turn"})
"""They run on the CPU."""
TARGETS = (
    form.Target("v2v_ms_p50_1", 300),
    form.Target("v2v_ms_p50_32", 450),
    form.Target("mid_response_silences_64", 0),
)

Shape = Literal["true", "tiny"]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run the same models."""

    name: str
    policy: Policy = decide
    graphs: bool = True
    own_streams: bool = True
    """Whether each lane has a CUDA stream of its own."""
    together: bool = True
    """Whether lanes run side by side."""


OURS = Way("ours")
OTHERS = (
    Way("fifo", policy=fifo),
    Way("one stream", own_streams=False),
    Way("one at a time", together=False),
    Way("no graphs", graphs=False),
)


@dataclass(slots=True)
class Talk:
    """The results for a number of callers."""

    heard: Heard = field(default_factory=Heard)
    lags_s: list[float] = field(default_factory=list)
    steps_s: dict[CostKey, list[float]] = field(default_factory=dict)
    failures: int = 0

    def note(self, step: Step) -> None:
        """Record a step."""
        self.steps_s.setdefault(step.batch.cost_key, []).append(step.end - step.start)
        self.failures += step.error is not None


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)")
    line.add_argument("--shape", choices=("true", "tiny"), help="size of the dummies (default: true; --quick: tiny)")
    line.add_argument("--llm", choices=("true", "tiny", "table"), help="the language model (default: what can be had)")
    line.add_argument("--callers", type=int, action="append", help="the number of callers at once (may be repeated)")
    line.add_argument("--seconds", type=float, help=f"of talk for each number of callers (default: {TALK_S:.0f})")
    line.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    options = line.parse_args(arguments)
    device = pick_device(options.device)
    shape: Shape = options.shape or ("tiny" if options.quick else "true")
    model = options.llm or possible_llm(device, shape)
    callers = sorted(options.callers or (QUICK_CALLERS if options.quick else CALLERS))
    compared = [number for number in (QUICK_COMPARED if options.quick else COMPARED) if number in callers]
    seconds = options.seconds or (QUICK_TALK_S if options.quick else TALK_S)
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    report.samples = {"loads": [], "talks": [], "steps": []}
    build, language = models(device, shape, max(callers), options.threads), llm(model, device, max(callers))
    others = OTHERS if device.type == "cuda" else OTHERS[:1]
    plan = [(OURS, callers), *((way, compared) for way in others)]
    asyncio.run(measure(report, build, language, plan, seconds))
    report.summary = summarise(report.samples) | {"shape": shape, "llm": model, "device": device.type}
    if options.json:
        report.write(options.json)
    print(show(report.samples["talks"], report.summary))
    return 0


def possible_llm(device: torch.device, shape: Shape) -> str:
    """Return the largest language model that fits along with models of this shape on this device."""
    if find_spec("llama_cpp") is None:
        return "table"
    if shape == "tiny":
        return "tiny"
    from llama_cpp import llama_cpp as lib

    return "true" if device.type == "cuda" and lib.llama_supports_gpu_offload() else "table"


Build = Callable[[Way], tuple[TaughtNemotron, TaughtMagpie]]


def models(device: torch.device, shape: Shape, callers: int, threads: int) -> Build:
    """Load the models in NeMo's modules once; return what builds engines over them."""
    common: dict[str, Any] = {
        "store": Store(),
        "device": device,
        "dtype": pick_dtype("auto", device),
        "threads": threads,
    }
    form.progress(f"making dummies of the {shape} shape")
    model, codec = magpie_files(shape)
    ears = load_asr(str(nemotron_file(shape)), **common)
    voice = load_magpie(str(model), codec=str(codec), streams=callers, **common)

    def build(way: Way) -> tuple[TaughtNemotron, TaughtMagpie]:
        return (
            TaughtNemotron(lambda: ears, max_streams=callers),
            TaughtMagpie(lambda: voice, max_streams=callers, normalize=False),
        )

    return build


def llm(model: str, device: torch.device, callers: int) -> LlmEngine:
    """Return the language model; it is not loaded yet."""
    if model == "table":
        return ScriptedLlm(reply, sequences=callers, timing=H200.table)
    from benchmarks.taught_llama import TaughtLlama

    on_gpu = device.type == "cuda"
    return TaughtLlama(
        gguf_file("hybrid", "true", "q8_0") if model == "true" else gguf_file("plain"),
        context_tokens=SESSION_TOKENS * (callers + 1),
        session_tokens=SESSION_TOKENS,
        max_streams=callers,
        prefill_tokens=256 if on_gpu else 24,
        gpu_layers=-1 if on_gpu else 0,
    )


@contextmanager
def made(way: Way) -> Iterator[None]:
    """Load engines without the features that this way leaves out."""
    room = "voiceagent.engines."
    users = ("tts.magpie.decode_loop", "tts.magpie.codec", "asr.nemotron.recogniser")
    with ExitStack() as patches:
        if not way.graphs:
            for user in users:
                patches.enter_context(patch(f"{room}{user}.captured", lambda function, device, pool: function))
        if not way.own_streams:
            for user in ("tts.magpie.speaker", "asr.nemotron.recogniser"):
                patches.enter_context(patch(f"{room}{user}.own_stream", lambda device: nullcontext()))
        yield


async def measure(
    report: form.Report, build: Build, language: LlmEngine, plan: Sequence[tuple[Way, Sequence[int]]], seconds: float
) -> None:
    """Go through the plan: for each way build the engines, then let callers talk."""
    lanes = {name: ThreadLane(name) for name in ("asr", "llm", "tts", "vad", "turn")}
    began = monotonic()
    await lanes["llm"].load(language)
    report.samples["loads"].append({"way": "all", "lane": "llm", "s": round(monotonic() - began, 2)})
    for way, numbers in plan:
        ears, voice = build(way)
        with made(way):
            for name, engine in (("asr", ears), ("tts", voice)):
                began = monotonic()
                await lanes[name].load(engine)
                report.samples["loads"].append({"way": way.name, "lane": name, "s": round(monotonic() - began, 2)})
        group = Engines(ears, language, voice, ScriptedVad(sleep=lambda seconds: None), ScriptedTurn())
        for callers in numbers:
            form.progress(f"{way.name}: {callers} callers for {seconds:.0f} s")
            began = monotonic()
            with sampling() as used:
                talk = await converse(group, lanes, way, callers, seconds)
            percent, mib = use(used, began, monotonic())
            on_gpu = {"gpu_percent": percent, "gpu_memory_mib": mib, "torch_memory_mib": torch_mib()}
            report.samples["talks"].append(row(way, callers, talk) | on_gpu)
            report.samples["steps"] += step_rows(way, callers, talk)
        ears.close()
        voice.close()
    language.close()
    for lane in lanes.values():
        lane.close()


async def converse(group: Engines, lanes: Mapping[str, Lane], way: Way, callers: int, seconds: float) -> Talk:
    """Let `callers` callers talk with loaded engines for `seconds` of the running loop's clock."""
    rules = conversation_config(load_settings("scripted.yaml", [*SETTINGS, *OWN_SETTINGS]).settings)
    talk, metrics = Talk(), Metrics()
    concurrency = LANES if way.together else 1
    scheduler = Scheduler(lanes_of(group), lanes, concurrency, on_step=talk.note, policy=way.policy, off_device=BESIDE)
    loop = asyncio.get_running_loop()
    lag = LoopLag(talk.lags_s.append)
    calls = [LiveCaller(str(number), group, rules, metrics=metrics) for number in range(callers)]
    people = [Person(caller, number) for number, caller in enumerate(calls)]
    until = loop.time() + seconds
    await asyncio.gather(*(person.talk(until) for person in people))
    for person in people:
        person.tell(talk.heard)
    lag.close()
    await asyncio.sleep(GRACE_S)
    scheduler.close()
    return talk


def torch_mib() -> int | None:
    """Return the most memory that torch's tensors have taken of a GPU, graphs included, in MiB."""
    return torch.cuda.max_memory_reserved() >> 20 if torch.cuda.is_available() else None


def row(way: Way, callers: int, talk: Talk) -> dict[str, Any]:
    """Return the numbers of a talk."""
    return {
        "way": way.name,
        "callers": callers,
        "v2v_ms": [round(ms, 1) for ms in talk.heard.v2v_ms],
        "silences_ms": [round(ms, 1) for ms in talk.heard.silences_ms],
        "unanswered": talk.heard.unanswered,
        "failed_steps": talk.failures,
        "loop_lag_ms_p99": form.percentile([1000 * lag for lag in talk.lags_s], 99),
    }


def step_rows(way: Way, callers: int, talk: Talk) -> list[dict[str, Any]]:
    """Return the durations of steps of each kind and size."""
    return [
        {
            "way": way.name,
            "callers": callers,
            "kind": kind,
            "size": size,
            "count": len(took),
            "ms_p50": round(1000 * median(took), 2),
            "ms_p95": form.percentile([1000 * seconds for seconds in took], 95),
        }
        for (kind, size), took in sorted(talk.steps_s.items())
        if not kind.startswith(tuple(BESIDE))
    ]


def summarise(samples: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return the flat summary; numbers of other ways than ours carry their name."""
    summary: dict[str, Any] = {}
    for talk in samples["talks"]:
        suffix = f"{talk['callers']}" + ("" if talk["way"] == OURS.name else f"_{talk['way'].replace(' ', '_')}")
        for percent in (50, 95):
            summary[f"v2v_ms_p{percent}_{suffix}"] = form.percentile(talk["v2v_ms"], percent)
        summary[f"mid_response_silences_{suffix}"] = len(talk["silences_ms"])
        if talk["way"] == OURS.name:
            summary[f"v2v_ms_first_{suffix}"] = next(iter(talk["v2v_ms"]), None)
            summary[f"gpu_percent_{suffix}"] = talk.get("gpu_percent")
            summary[f"gpu_memory_mib_{suffix}"] = talk.get("gpu_memory_mib")
    ours = [talk for talk in samples["talks"] if talk["way"] == OURS.name]
    return summary | {
        "unanswered": sum(talk["unanswered"] for talk in ours),
        "failed_steps": sum(talk["failed_steps"] for talk in samples["talks"]),
        "loop_lag_ms_p99": max((talk["loop_lag_ms_p99"] for talk in ours if talk["loop_lag_ms_p99"]), default=None),
    }


def show(talks: Sequence[dict[str, Any]], summary: dict[str, Any]) -> str:
    """Lay out the results for people."""
    rows = [
        (
            talk["way"],
            talk["callers"],
            len(talk["v2v_ms"]),
            *(form.percentile(talk["v2v_ms"], percent) for percent in (50, 95)),
            len(talk["silences_ms"]),
            talk["unanswered"],
            talk["loop_lag_ms_p99"],
        )
        for talk in talks
    ]
    head = ("way", "callers", "turns", "P50 ms", "P95 ms", "silences", "unanswered", "loop lag P99 ms")
    return f"\n{form.table(head, rows)}\n\n{form.results(summary, TARGETS)}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
