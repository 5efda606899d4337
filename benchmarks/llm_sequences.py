"""How fast many conversations share one language model: our sequences against `llama_cpp.Llama`, in one run.

Sessions: 1, 2, 4 and 8 people ask at once; generated tokens of all, by the time until the last reply is whole (reading
the questions included, the system prompt known to both). `decode` is the same by the time in which all of them were
being answered. Every format of the weights is measured; the headline takes the one in which ours serves four best, for
both sides, and `total_speed_vs_best_sequential_4` holds that against the best format of the other side.

Second turn: time to first token, and to first segment, of a question that ends a long conversation: from our
checkpoint; with everything reread, as is needed where conversations alternate; and with what `Llama` keeps of the same
conversation if no other one comes in between.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

if find_spec("torch") is not None:
    import torch  # noqa: F401 (brings the CUDA libraries that a llama.cpp made for its release needs)

from llama_cpp import llama_cpp as lib

from benchmarks import form
from benchmarks.dummies.files import embedded_model, gguf_file
from benchmarks.llm_peers import Chat, Ours, Reply, Terms, Theirs
from voiceagent.engines.files import only_file
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.llama.fast_copy import convert
from voiceagent.engines.llm.llama.spec import LlamaSettings
from voiceagent.errors import VoiceAgentError
from voiceagent.weights import Store

NAME = "llm_sequences"
SESSIONS, QUICK_SESSIONS = (1, 2, 4, 8), (1, 4)
GPU_SESSIONS = (1, 4, 16)
FORMATS = {"q4_1": None, "q8_0": lib.LLAMA_FTYPE_MOSTLY_Q8_0, "bf16": lib.LLAMA_FTYPE_MOSTLY_BF16}
"""Of the embedded model's weights: as it comes, and converted."""
QUICK_FORMATS = ("bf16",)
ROUNDS = 3
HISTORY, GPU_HISTORY = 1500, 4000
REPLY, QUICK_REPLY = 64, 24
SYSTEM = Message("system", "You are a friendly voice assistant. You tell long stories in full sentences.")
TOPICS = ("the sea", "a dog", "the moon", "an old house", "a train", "the winter", "a lost key", "two brothers")
TARGETS = (
    form.Target("total_speed_vs_sequential_4", 1.6, at_least=True),
    form.Target("second_turn_ttft_gain_1500", 10, at_least=True),
)
GPU_TARGETS = (form.Target("total_speed_16_vs_1", 5, at_least=True), form.Target("first_segment_ms", 120))


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--threads", type=int, help="of both sides (default: all cores; one in a quick run)")
    on_gpu = bool(lib.llama_supports_gpu_offload())
    line.add_argument(
        "--gpu-layers", type=int, default=-1 if on_gpu else 0, help="of both sides (default: all, or none)"
    )
    line.add_argument("--model", type=Path, metavar="FILE", help="a GGUF file, as it is, instead of the embedded model")
    line.add_argument(
        "--dummy", choices=("true", "tiny"), help="a made-up model of Nemotron-3-Nano's shape (default on a GPU: true)"
    )
    options = line.parse_args(arguments)
    quick, gpu = options.quick, options.gpu_layers != 0
    dummy = options.dummy or ("true" if gpu else None)
    threads = options.threads or (1 if quick else os.cpu_count() or 1)
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    sessions = QUICK_SESSIONS if quick else GPU_SESSIONS if gpu else SESSIONS
    reply, rounds = (QUICK_REPLY, 1) if quick else (REPLY, ROUNDS)
    history = GPU_HISTORY if gpu else HISTORY
    with models(options.model, dummy, quick=quick) as paths:
        for name, path in paths.items():
            for number in sessions:
                form.progress(f"{name}: {number} at once")
                terms = Terms(path, threads, options.gpu_layers, number, 512, reply, 256 if gpu else 24)
                report.samples.setdefault("sessions", []).extend(talk(name, terms, rounds))
            form.progress(f"{name}: a question after {history} tokens")
            terms = Terms(path, threads, options.gpu_layers, 1, history + 600, reply, 256 if gpu else 24)
            report.samples.setdefault("second_turn", []).extend(second_turn(name, terms, history, rounds))
    report.summary = summarise(report.samples, history)
    if options.json:
        report.write(options.json)
    print(show(report, GPU_TARGETS if gpu else TARGETS))
    return 0


@contextmanager
def models(path: Path | None, dummy: str | None, *, quick: bool) -> Iterator[dict[str, Path]]:
    """Provide the weights to be measured, by format."""
    if path is not None:
        yield {path.stem: path}
    elif dummy == "tiny":
        yield {"dummy tiny": gguf_file("hybrid")}
    elif dummy == "true":
        yield {"dummy true": gguf_file("hybrid", "true", "q8_0", tokenizer=embedded_model())}
    else:
        original = only_file(Store(), LlamaSettings().model)
        with TemporaryDirectory() as folder:
            paths = {}
            for name in QUICK_FORMATS if quick else FORMATS:
                file_type = FORMATS[name]
                paths[name] = original if file_type is None else Path(folder) / f"{name}.gguf"
                if file_type is not None:
                    convert(original, paths[name], file_type)
            yield paths


def talk(name: str, terms: Terms, rounds: int) -> list[dict[str, Any]]:
    """Let people ask at once, of both sides in turn."""
    samples = []
    topics = [TOPICS[place % len(TOPICS)] for place in range(terms.sessions)]
    with Ours(terms) as ours, Theirs(terms) as theirs:
        for turn in range(rounds + 1):
            asked = [(SYSTEM, Message("user", f"Tell me story {turn} of {topic}.")) for topic in topics]
            ours.prepare([(SYSTEM,)] * terms.sessions)
            for side, replies in (("ours", ours.ask(asked)), ("theirs", theirs.ask(asked))):
                if turn:  # the first one warms both up
                    speeds = {"total": total(replies), "decode": decode(replies, one_by_one=side == "theirs")}
                    samples.append({"weights": name, "sessions": terms.sessions, "side": side, **speeds})
    return samples


def total(replies: list[Reply]) -> float:
    """Return tokens/s of all replies, from the asking to the last token."""
    took = max(reply.times[-1] for reply in replies) - replies[0].asked
    return round(sum(len(reply.times) for reply in replies) / took, 2)


def decode(replies: list[Reply], *, one_by_one: bool) -> float | None:
    """Return tokens/s while all replies were under way; of those made one by one, while each was. None of too few."""
    if one_by_one:
        took = sum(reply.times[-1] - reply.times[0] for reply in replies)
        return round(sum(len(reply.times) - 1 for reply in replies) / took, 2)
    begin, end = max(reply.times[0] for reply in replies), min(reply.times[-1] for reply in replies)
    counted = sum(begin < moment <= end for reply in replies for moment in reply.times)
    return round(counted / (end - begin), 2) if end > begin else None


def second_turn(name: str, terms: Terms, tokens: int, rounds: int) -> list[dict[str, Any]]:
    """Ask questions behind a long conversation, of both sides in turn."""
    samples = []
    with Ours(terms) as ours, Theirs(terms) as theirs:
        first = (*long_chat(ours, tokens), Message("user", "Go on."))
        said = Message("assistant", ours.ask([first])[0].text)
        for turn in range(rounds):
            chat: Chat = (*first, said, Message("user", f"And what did {TOPICS[turn]} look like?"))
            before = ours.engine.prefilled_tokens
            replies = {"ours": ours.ask([chat])[0]}
            read = ours.engine.prefilled_tokens - before
            theirs.forget()
            replies["anew"] = theirs.ask([chat])[0]
            # Now it holds the conversation, as if it had just answered the question before.
            other = Message("user", f"And did {TOPICS[turn]} have a name?")
            replies["kept"] = theirs.ask([(*first, said, other)])[0]
            for side, reply in replies.items():
                measured = {"first_token_ms": round(reply.first_ms, 2), "segment_ms": round(reply.segment_ms, 2)}
                samples.append(
                    {"weights": name, "side": side, "read_tokens": read if side == "ours" else None, **measured}
                )
    return samples


def long_chat(ours: Ours, tokens: int) -> Chat:
    """Return a conversation of about `tokens` tokens."""
    chat: Chat = (SYSTEM,)
    while ours.engine.count_tokens(chat) < tokens:
        place = len(chat) // 2
        story = f"Once there was {TOPICS[place % len(TOPICS)]}, and nobody knew it better than I did. " * 2
        chat = (*chat, Message("user", f"Tell me part {place}."), Message("assistant", story.strip()))
    return chat


def summarise(samples: dict[str, list[Any]], history: int) -> dict[str, float | int | None]:
    """Return the flat summary; None for what was not measured."""

    def speed(weights: str, sessions: int, side: str, key: str) -> float | None:
        found = [
            sample[key]
            for sample in samples["sessions"]
            if (sample["weights"], sample["sessions"], sample["side"]) == (weights, sessions, side)
            and sample[key] is not None
        ]
        return round(median(found), 2) if found else None

    def by(one: float | None, other: float | None) -> float | None:
        return round(one / other, 2) if one and other else None

    formats = list(dict.fromkeys(sample["weights"] for sample in samples["sessions"]))
    numbers = sorted({sample["sessions"] for sample in samples["sessions"]})
    best = max(formats, key=lambda weights: speed(weights, 4, "ours", "total") or 0.0)
    rivals = [found for weights in formats if (found := speed(weights, 4, "theirs", "total"))]
    ours = {number: speed(best, number, "ours", "total") for number in numbers}

    def second(side: str, key: str) -> float | None:
        found = [each[key] for each in samples["second_turn"] if (each["weights"], each["side"]) == (best, side)]
        return round(median(found), 2) if found else None

    return {
        "total_speed_vs_sequential_4": by(ours.get(4), speed(best, 4, "theirs", "total")),
        "decode_speed_vs_sequential_4": by(speed(best, 4, "ours", "decode"), speed(best, 4, "theirs", "decode")),
        "total_speed_vs_best_sequential_4": by(ours.get(4), max(rivals, default=None)),
        f"second_turn_ttft_gain_{history}": by(second("anew", "first_token_ms"), second("ours", "first_token_ms")),
        "first_segment_ms": second("ours", "segment_ms"),
        "first_segment_ms_kept_by_llama": second("kept", "segment_ms"),
        "first_segment_ms_read_anew": second("anew", "segment_ms"),
        "first_token_ms": second("ours", "first_token_ms"),
        "second_turn_read_tokens": second("ours", "read_tokens"),
        "total_speed_16_vs_1": by(ours.get(16), ours.get(1)),
        "decode_tokens_per_s_1": speed(best, 1, "ours", "decode"),
        "best_weights_index": formats.index(best),
    }


def show(report: form.Report, targets: Sequence[form.Target]) -> str:
    """Lay out the results for people."""
    shown = ("weights", "sessions", "side", "total", "decode")
    speeds = form.table(shown, ([sample[key] for key in shown] for sample in report.samples["sessions"]))
    shown = ("weights", "side", "read_tokens", "first_token_ms", "segment_ms")
    turns = form.table(shown, ([sample[key] for key in shown] for sample in report.samples["second_turn"]))
    goals = {target.key: target for target in targets}
    verdicts = {True: "met", False: "MISSED", None: "not measured"}
    rows = [
        (key, "-" if value is None else value, verdicts[goals[key].met(report.summary)] if key in goals else "")
        for key, value in report.summary.items()
    ]
    return f"\n{speeds}\n\n{turns}\n\n{form.table(('measured', 'value', ''), rows)}"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
