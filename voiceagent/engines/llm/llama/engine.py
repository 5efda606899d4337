"""Replies from a GGUF model through llama.cpp: many sequences, one batch per step.

Each step is one `llama_decode` with the next token of each reply it serves and a bounded piece of prefill. Nothing is
shared between the two threads that take part:

- The event loop owns the streams, the replies and a mirror of what every sequence holds (`Sequence.tokens`). `pending`
  plans a step from the mirror (`plan.py`); `deliver` updates the mirror and hands out the tokens. Of llama.cpp they use
  only the vocabulary, which never changes.
- The lane owns the context: `run` carries out the plan's drops, forks and decode (`runner.py`).

So calls during a step (cancel, close, another generate) change only the next plan. The fork of a cancelled reply stays
until its stream needs the sequence again, because its beginning may be reused; a closed stream's sequences are replaced
by dirty ones, which the next plan empties.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from voiceagent.engines.base import EngineBase
from voiceagent.engines.contract import Batch, CostKey, Need
from voiceagent.engines.llm.contract import LlmEvent, Message
from voiceagent.engines.llm.llama.common import Common
from voiceagent.engines.llm.llama.context_shape import CHECKPOINTS, ContextShape
from voiceagent.engines.llm.llama.fast_copy import load_fastest
from voiceagent.engines.llm.llama.gguf_memory import KvType
from voiceagent.engines.llm.llama.memory import check_fit
from voiceagent.engines.llm.llama.model import LlamaModel, LoadMode
from voiceagent.engines.llm.llama.plan import Plan, Sequence, Slot, plan, smaller_sizes, step_key
from voiceagent.engines.llm.llama.runner import Runner, StepResult
from voiceagent.engines.llm.llama.sampler import Dry, Sampling
from voiceagent.engines.llm.llama.stream import LlamaStream, Reply
from voiceagent.engines.llm.llama.template import ChatTemplate
from voiceagent.errors import VoiceAgentError

__all__ = ["LlamaEngine", "Sampling"]

log = logging.getLogger(__name__)

NOT_FINITE = (
    "The language model's output is not a number; it rereads every conversation. If this recurs, the model file or the "
    "device is damaged: voiceagent weights verify."
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` creates."""

    runner: Runner
    common: Common


class LlamaEngine(EngineBase):
    """A GGUF model.

    `session_tokens` limits a stream's prompt and reply, `max_tokens` a reply, `thinking_tokens` what the model thinks
    about a user's words while they are spoken.
    There is memory for all streams, or only `context_tokens` for all together; then the conversations of silent callers
    are evicted and read again later. A step serves the most urgent `streams_per_step` (by default all on a GPU, one on
    a CPU) and reads about `prefill_tokens` of prompts. `gpu_layers` layers run on a GPU, all for -1; `flash_attention`
    None means on for them and for a quantised KV cache. `copies` is a folder for a copy of the model that is faster on
    a CPU (`fast_copy`).
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 1,
        context_tokens: int | None = None,
        max_streams: int = 4,
        session_tokens: int = 1024,
        max_tokens: int = 96,
        thinking_tokens: int = 0,
        prefill_tokens: int = 24,
        streams_per_step: int | None = None,
        sampling: Sampling | None = None,
        gpu_layers: int = 0,
        flash_attention: bool | None = None,
        kv_type: KvType = "f16",
        load_mode: LoadMode = "auto",
        checkpoints: int = CHECKPOINTS,
        copies: Path | None = None,
    ) -> None:
        super().__init__("llm")
        self._path = path
        self._copies = copies
        self._threads = threads
        self._max_streams = max_streams
        self._session_tokens = session_tokens
        self._max_tokens = max_tokens
        self._thinking_tokens = thinking_tokens
        self._prefill_tokens = prefill_tokens
        self._shape = ContextShape.of(
            context_tokens=context_tokens,
            session_tokens=session_tokens,
            max_streams=max_streams,
            prefill_tokens=prefill_tokens,
            streams_per_step=streams_per_step,
            gpu_layers=gpu_layers,
            flash_attention=flash_attention,
            kv_type=kv_type,
            checkpoints=checkpoints,
        )
        self._sampling = sampling or Sampling()
        self._gpu_layers = gpu_layers
        self._load_mode = load_mode
        self._loaded: Loaded | None = None
        self._system = Sequence(0)
        ids = range(1, self._shape.sequences_per_stream * max_streams + 1, self._shape.sequences_per_stream)
        self._free = [Slot.of(first, checkpoints=checkpoints) for first in ids]
        self._streams: dict[int, LlamaStream] = {}
        self.prefilled_tokens = 0
        """Tokens of prompts computed so far."""
        self.decoded_tokens = 0
        """Tokens of replies and thoughts computed so far."""

    def load(self) -> None:
        """Load the model and run it once. Raises VoiceAgentError, with the remedy, if that fails."""
        self._check_memory()
        if self._copies is not None and self._gpu_layers == 0:
            model = load_fastest(self._path, self._copies)
        else:
            model = LlamaModel(self._path, gpu_layers=self._gpu_layers, load_mode=self._load_mode)
        try:
            template = ChatTemplate(model)
            if self._thinking_tokens and not template.has_thoughts:
                raise VoiceAgentError(
                    f"{self._path.name} cannot think before a reply: its chat template has no `<think></think>` for "
                    "replies without a thought. Set llm.thinking_tokens to 0, or choose another model."
                )
            shape = self._shape
            if self._session_tokens > min(shape.context_tokens, model.trained_tokens):
                raise VoiceAgentError(
                    f"A session cannot fill {self._session_tokens} tokens: the context has {shape.context_tokens}, "
                    f"and {self._path.name} was trained on {model.trained_tokens}. Lower the session's part."
                )
            runner = Runner.of(model, shape, threads=self._threads)
        except Exception:
            model.close()
            raise
        common = Common(
            model,
            template,
            self._sampling,
            Dry(model, self._sampling) if self._sampling.dry_multiplier or self._sampling.opening_penalty else None,
            self._session_tokens,
            self._max_tokens,
            self._thinking_tokens,
            self._system,
            lambda: self._wake(),
        )
        self._loaded = Loaded(runner, common)
        runner.warm_up(self._shape, self._sampling, on_gpu=self._gpu_layers != 0)

    def open(self, on_event: Callable[[LlmEvent], None]) -> LlamaStream:
        """Start a conversation. Raises VoiceAgentError when no sequence is free."""
        if not self._free:
            raise VoiceAgentError(
                f"All {self._max_streams} conversations of the language model are taken: end one first."
            )
        number = next(self._stream_ids)
        self._streams[number] = LlamaStream(number, self._free.pop(), self._ready.common, on_event, self._close)
        return self._streams[number]

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return the number of tokens the conversation takes, chat template included."""
        return len(self._ready.common.template.prompt(messages).tokens)

    def pending(self, now: float) -> Batch | None:
        """Plan the next step."""
        works = [work for stream in self._streams.values() if (work := stream.work(now)) is not None]
        if not works and not any(stream.refusal for stream in self._streams.values()):
            return None
        planned = plan(
            works,
            self._dirty(),
            streams=self._shape.streams_per_step,
            prefill_tokens=self._prefill_tokens,
            rewindable=self._ready.runner.model.rewindable,
            now=now,
        )
        return self._batch(planned, now)

    def shrink(self, batch: Batch, fits: Callable[[CostKey], bool]) -> Batch:
        """Return a step that reads less, or serves fewer of the less urgent."""
        planned = _plan_of(batch)
        sizes = smaller_sizes(planned.size)
        if fits(batch.cost_key) or not sizes:
            return batch
        size = next((size for size in sizes if fits(step_key(size))), 1)
        return self._batch(planned.of_size(size), batch.deadline)

    def _batch(self, planned: Plan, now: float) -> Batch:
        """Return the batch of a plan, with the refusals that can be reported with it."""
        refused = [stream for stream in self._streams.values() if stream.refusal is not None]
        wanted = [piece.work for piece in planned.pieces]
        served = {work.stream for work in wanted}
        others = sorted(self._streams.values(), key=lambda stream: stream.replying)
        if self._shape.contexts == 1:
            planned = replace(planned, spare=tuple(stream.slot for stream in others if stream.number not in served))
        generations = [work.generation for work in wanted if isinstance(work, Reply)]
        generations += [stream.refusal.tag for stream in refused if stream.refusal is not None]
        return Batch(
            self.lane,
            planned.cost_key,
            wanted[0].deadline if wanted else now,
            tuple(work.stream for work in wanted) + tuple(stream.number for stream in refused),
            planned,
            need=wanted[0].need if wanted else Need.AWAITED,
            generation=generations[0] if len(generations) == len(wanted) + len(refused) == 1 else None,
        )

    def run(self, batch: Batch) -> StepResult:
        """Carry out a plan."""
        return self._ready.runner.run(_plan_of(batch))

    def deliver(self, batch: Batch, results: object) -> None:
        """Update the mirror, then hand out the tokens."""
        assert isinstance(results, StepResult)
        planned = _plan_of(batch)
        for sequence in planned.drops:
            sequence.dirty = False
        for piece in planned.pieces:
            for fork in piece.forks:
                fork.target.tokens = fork.source.tokens[: fork.keep]
        for piece in planned.pieces:
            if piece in results.lost:
                continue
            piece.work.sequence.tokens.extend(piece.tokens)
            if piece.work.sampler is not None and piece.start >= piece.work.given:
                self.decoded_tokens += len(piece.tokens)
            else:
                self.prefilled_tokens += len(piece.tokens)
        self._note_emptied(results)
        full = VoiceAgentError(
            f"The language model's context of {self._shape.context_tokens} tokens is full: "
            "make it larger, or allow fewer or shorter sessions."
        )
        for piece in planned.pieces:
            stream = self._streams.get(piece.work.stream)
            if stream is not None and piece in results.lost:
                stream.lose(piece.work, full)
            elif stream is not None and piece in results.broken:
                stream.lose(piece.work, VoiceAgentError(NOT_FINITE))
            elif stream is not None:
                if piece in results.endings:
                    stream.judged(piece.work, results.endings[piece])
                if piece in results.drawn:
                    stream.take(piece.work, results.drawn[piece])
        for stream in tuple(self._streams.values()):
            stream.refuse()

    def fail(self, batch: Batch, error: Exception) -> None:
        """Notify the streams of the batch; their sequences are emptied before they are used again."""
        planned = _plan_of(batch)
        for piece in planned.pieces:
            for sequence in (piece.work.sequence, *(fork.target for fork in piece.forks)):
                sequence.tokens, sequence.dirty = [], True
        for piece in planned.pieces:
            if (stream := self._streams.get(piece.work.stream)) is not None:
                stream.lose(piece.work, error)
        for number in batch.streams:
            if (stream := self._streams.get(number)) is not None:
                stream.refuse()

    def discard(self, batch: Batch, results: object) -> None:
        """Record which sequences are empty now; those of the batch itself will be emptied anyway."""
        assert isinstance(results, StepResult)
        self._note_emptied(results)

    def close(self) -> None:
        """Free the model."""
        if self._loaded is not None:
            self._loaded.runner.close()
            self._loaded = None

    @property
    def _ready(self) -> Loaded:
        if self._loaded is None:
            raise VoiceAgentError("The language model is not loaded.")
        return self._loaded

    def _check_memory(self) -> None:
        shape = self._shape
        if shape.kv_type != "f16" and not shape.flash_attention:
            raise VoiceAgentError(f"A KV cache of type {shape.kv_type} needs flash attention: allow it, or use f16.")
        need = shape.memory_need(self._path)
        log.info("%s needs %s", self._path.name, need)
        check_fit(need, str(self._path), gpu_layers=self._gpu_layers)

    def _all(self) -> list[Sequence]:
        slots = [*(stream.slot for stream in self._streams.values()), *self._free]
        return [self._system, *(sequence for slot in slots for sequence in slot.all)]

    def _dirty(self) -> list[Sequence]:
        return [sequence for sequence in self._all() if sequence.dirty]

    def _note_emptied(self, results: StepResult) -> None:
        emptied = [sequence for slot in results.given_up for sequence in slot.all]
        emptied += [sequence for piece in results.lost for sequence in piece.work.own]
        for sequence in self._all() if results.broken else emptied:
            sequence.tokens = []

    def _close(self, stream: LlamaStream) -> None:
        if self._streams.pop(stream.number, None) is not None:
            self._free.append(stream.slot.emptied())


def _plan_of(batch: Batch) -> Plan:
    assert isinstance(batch.work, Plan)
    return batch.work
