"""The decode loop: rows of codes grow by one step at a time, each row from its own start to its own end.

Live rows are contiguous at the front of every buffer, so that a step computes no row for nothing: when one ends, the
last takes its place. A row left out of a step (no caller waits for it now) is unchanged. The host reads once per step.

It knows texts as tokens and audio as codes; the rest is in `text.py` and `codec.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voiceagent.engines.nemo.graphs import captured, new_pool, to_host
from voiceagent.engines.tts.magpie.alignment import Alignment, Rules
from voiceagent.engines.tts.magpie.decoder import Decoder
from voiceagent.engines.tts.magpie.ending import Ending
from voiceagent.engines.tts.magpie.fused_step import FusedLocal, can_be_fused
from voiceagent.engines.tts.magpie.local_transformer import LocalTransformer
from voiceagent.engines.tts.magpie.recompute import RecomputingDecoder
from voiceagent.engines.tts.magpie.sampling import Allowed, Sampling

MOST_TOKENS = 384
"""Tokens of one chunk; at the usual 15 tokens per second, more than the longest utterance (500 frames, 23 s) needs."""
MOST_HISTORY = 20
"""Tokens of the previous chunk that a later chunk sees; NeMo's `history_len_heuristic`."""
SPAN = 128
"""On a CPU attention reads the cache up to a multiple of this."""
GRAPH_SPANS = (192, 320)
"""In a graph it reads up to one of these or all of it: with a voice of 110 positions 3.8 s, 9.7 s, or any speech."""


@dataclass(slots=True, eq=False)
class Context:
    """What the chunks of one response share: the earlier text, as encoded, and how far it was spoken."""

    tokens: tuple[int, ...] = ()
    encoded: Tensor | None = None
    last: int = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A text to speak as one utterance. `tokens` end with the text's end mark; `more` if chunks follow it."""

    tokens: tuple[int, ...]
    voice: int
    seed: int = 0
    more: bool = False


@dataclass(slots=True, eq=False)
class Row:
    """A live utterance. `history` tokens of its text were spoken before it."""

    place: int
    context: Context
    history: int
    limit: int
    """The most steps it may take."""
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Stepped:
    """A row's result of a step: its frames (frames, codebooks), the token of its chunk being spoken, whether it ended.

    A row that ended, or whose output is not `finite`, is no longer live.
    """

    frames: NDArray[np.int64]
    token: int
    ended: bool
    bounded: bool = False
    """Whether it was ended at its limit instead of by the model."""
    finite: bool = True


class DecodeLoop:
    """NeMo's Magpie TTS model, decoding up to `rows` utterances together.

    `recompute` recomputes the past at every step, as NeMo's default does: slow, for comparison.
    """

    def __init__(self, model: Any, sampling: Sampling, rows: int, *, recompute: bool = False) -> None:
        parameters = model.inference_parameters
        self._model = model
        self.device = model.decoder.position_embeddings.weight.device
        self._sampling = sampling
        self._rules = Rules.of_model(model)
        self.stacking: int = model.frame_stacking_factor
        self.codebooks: int = model.num_audio_codebooks
        self._codes = self.stacking * self.codebooks
        self.most_steps: int = parameters.max_decoder_steps // self.stacking
        self.rows = rows
        text = MOST_TOKENS + MOST_HISTORY
        self._local = LocalTransformer(model, rows * sampling.width)
        self._alignment = Alignment(self._rules, rows, text, self.device)
        self._ending = Ending(str(parameters.eos_detection_method), model.audio_eos_id, self.stacking, self.codebooks)
        tokens = model.num_all_tokens_per_codebook
        self._allowed = Allowed(model.codebook_size, tokens, model.audio_eos_id, self.device)
        self._first_end = parameters.min_generated_frames
        self._table = _one_table(model.audio_embeddings)
        self._offsets = torch.arange(self._codes, device=self.device) * tokens
        self._bos: int = model.audio_bos_id
        zeros = torch.zeros(rows, dtype=torch.int64, device=self.device)
        self._chosen = torch.zeros(rows, dtype=torch.bool, pin_memory=self.device.type == "cuda")
        self._position, self._step, self._active = zeros.clone(), zeros.clone(), zeros.to(torch.bool)
        self._last_codes = torch.zeros(rows, self._codes, dtype=torch.int64, device=self.device)
        self._draws = torch.zeros(rows, self.most_steps, self._codes, device=self.device)
        self._out = torch.zeros(rows, self._codes + 4, dtype=torch.int64, device=self.device)
        self._live: list[Row] = []
        self._graphs: dict[tuple[int, int], Any] = {}
        with torch.inference_mode():
            kind = RecomputingDecoder if recompute else Decoder
            self._decoder = kind(model, rows=rows, width=sampling.width, steps=self.most_steps, text=text)
            self._position.fill_(self._decoder.context)
        fused = can_be_fused(model, self.device)
        self._fused_local = FusedLocal(model, sampling, rows * sampling.width) if fused else None

    @property
    def live(self) -> int:
        """The number of live rows."""
        return len(self._live)

    @cached_property
    def buckets(self) -> tuple[int, ...]:
        """The numbers of rows that a step can compute: the number of live rows is rounded up to one of them."""
        if self.device.type != "cuda":
            return tuple(range(1, self.rows + 1))
        powers = [2**power for power in range(self.rows.bit_length())]
        return tuple(sorted({*(power for power in powers if power < self.rows), self.rows}))

    @cached_property
    def spans(self) -> tuple[int, ...]:
        """The numbers of positions that a recorded step can look back on; all of them where nothing is recorded."""
        every = self._decoder.positions
        shorter = GRAPH_SPANS if self.device.type == "cuda" and not self._decoder.reads_what_there_is else ()
        return (*(span for span in shorter if span < every), every)

    def bucket(self, rows: int) -> int:
        """Return how many rows a step computes for `rows` live ones."""
        return next(bucket for bucket in self.buckets if bucket >= rows)

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Run every bucket once, recording its graph on a GPU. No row may be live."""
        assert not self._live
        self._active.zero_()  # so that nothing moves on
        pool = new_pool(self.device)
        for n in reversed(self.buckets):  # the largest allocation first
            for span in reversed(self.spans):
                self._graphs[n, span] = captured(partial(self._advance, n, span), self.device, pool)

    @torch.inference_mode()
    def begin(self, chunk: Chunk, context: Context, limit: int | None = None) -> Row:
        """Read a chunk and its voice into a free row; at least one must be free. It ends after `limit` steps."""
        assert len(self._live) < self.rows
        assert len(chunk.tokens) <= MOST_TOKENS
        current = len(chunk.tokens)
        window = current + min(current, MOST_HISTORY)
        tokens = (*context.tokens, *chunk.tokens)[-window:] if context.tokens else chunk.tokens
        history = len(tokens) - current
        encoded = self._encode(tokens)
        initial = None
        if context.encoded is not None:
            encoded[:history] = context.encoded[len(context.encoded) - history :]
            initial = self._rules.initial_prior(history, len(tokens))
        last = max(0, context.last - (len(context.tokens) - history))
        row = Row(len(self._live), context, history, min(limit or self.most_steps, self.most_steps))
        place = row.place
        self._decoder.read(place, self._voice(chunk.voice), encoded, initial)
        later = context.encoded is not None
        self._alignment.begin(place, len(tokens), last, initial, later=later, more=chunk.more)
        self._rest(place)
        self._last_codes[place] = self._bos
        draws = torch.rand(row.limit, self._codes, generator=torch.Generator().manual_seed(chunk.seed))
        self._draws[place, : row.limit] = draws.to(self.device)
        context.tokens, context.encoded = tokens, encoded
        self._live.append(row)
        return row

    @torch.inference_mode()
    def step(self, rows: Sequence[Row]) -> list[Stepped]:
        """Advance these live rows by one step, and return each one's result."""
        n = len(self._live)
        self._chosen.zero_()
        self._chosen[[row.place for row in rows]] = True
        self._active.copy_(self._chosen, non_blocking=True)
        furthest = self._decoder.context + max(row.steps for row in self._live) + 1
        self._run(self.bucket(n), furthest)
        outputs = to_host(self._out[:n]).numpy()
        stepped = [self._stepped(row, outputs[row.place]) for row in rows]
        for row, outcome in zip(rows, stepped, strict=True):
            if not outcome.finite:
                self._decoder.clear(row.place)
            if outcome.ended or not outcome.finite:
                self.drop(row)
        return stepped

    @torch.inference_mode()
    def drop(self, row: Row) -> None:
        """Free a row; does nothing if it is no longer live."""
        if row not in self._live:
            return
        last = self._live.pop()
        source, target = last.place, row.place
        if last is not row:
            self._decoder.move(source, target, self._decoder.context + last.steps)
            for tensor in (self._position, self._step, self._last_codes, self._draws, *self._alignment.state):
                tensor[target] = tensor[source]
            last.place = target
            self._live[target] = last
        self._rest(source)

    def _rest(self, place: int) -> None:
        """Put an empty row where its first step will be: buckets compute it too, and it writes its keys there."""
        self._position[place].fill_(self._decoder.context)
        self._step[place].fill_(0)

    def _stepped(self, row: Row, output: NDArray[np.int64]) -> Stepped:
        *codes, attended, end, cut, finite = (int(value) for value in output)
        row.steps += 1
        row.context.last = attended
        bounded = end == self.stacking and not cut and row.steps >= row.limit
        frames = np.array(codes, np.int64).reshape(self.stacking, self.codebooks)[:end]
        token = max(0, attended - row.history)
        return Stepped(frames, token, bool(end < self.stacking or cut or bounded), bounded, bool(finite))

    def _run(self, n: int, furthest: int) -> None:
        if self.device.type == "cuda":
            self._graphs[n, next(span for span in self.spans if span >= furthest)]()
        else:
            self._advance(n, min(-(-furthest // SPAN) * SPAN, self._decoder.positions))

    def _advance(self, n: int, span: int) -> None:
        """Compute one step of the first n rows: from the previous step's codes to this one's."""
        active, step, position = self._active[:n], self._step[:n], self._position[:n]
        last = self._last_codes[:n]
        frames = self._table[last + self._offsets].mean(1)
        length, prior = self._alignment.length[:n], self._alignment.prior[:n]
        decoded, attention = self._decoder.step(frames, position, length, prior, span)
        attended = self._alignment.track(n, attention, step, active)
        no_end = (step * self.stacking < self._first_end) | self._alignment.may_not_end(n)
        forbidden = self._allowed.forbidden(no_end, self._alignment.must_end(n))
        draws = self._draws[self._decoder.rows(n), step]
        codes = self._choose(decoded, forbidden, draws)
        logits = self._sampling.guide(self._decoder.logits(decoded)).view(n, self._codes, -1)
        likeliest = logits.masked_fill(forbidden[:, None], float("-inf")).argmax(-1)
        end = self._ending.frame(codes, likeliest)
        finite = torch.isfinite(logits).all(2).all(1)
        state = torch.stack((attended, end, self._alignment.cut(n), finite), 1)
        self._out[:n] = torch.cat((codes, state.to(torch.int64)), 1)
        last.copy_(torch.where(active[:, None], codes, last))
        advance = active.to(torch.int64)
        step += advance
        position += advance

    def _choose(self, decoded: Tensor, forbidden: Tensor, draws: Tensor) -> Tensor:
        """Return the codes (rows, codes) that `draws` (rows, codes) choose, none of them `forbidden` (rows, tokens)."""
        if self._fused_local:
            return self._fused_local.sample(decoded, forbidden, draws)

        def choose(logits: Tensor, number: int) -> Tensor:
            allowed = self._sampling.guide(logits).masked_fill(forbidden, float("-inf"))
            codes = self._sampling.draw(allowed, draws[:, number])
            return codes.repeat_interleave(self._sampling.width, 0)

        return self._local.sample(decoded, choose)[:: self._sampling.width]

    def _encode(self, tokens: Sequence[int]) -> Tensor:
        ids = torch.tensor([tokens], device=self.device)
        mask = torch.ones_like(ids, dtype=torch.bool)
        embedded = self._model.embed_text(ids, mask)
        encoded: Tensor = self._model.encoder(embedded, mask, cond=None, cond_mask=None)["output"][0]
        return encoded

    def _voice(self, index: int) -> Tensor:
        baked = self._model.baked_context_embedding.weight[index]
        return baked.view(self._decoder.context, -1).to(self._decoder.keys.dtype)


def _one_table(embeddings: Any) -> Tensor:
    """Return the embeddings of all codes in one table; the modules keep views of it, so nothing is stored twice."""
    table = torch.cat([embedding.weight.data for embedding in embeddings])
    for embedding, part in zip(embeddings, table.split(embeddings[0].num_embeddings), strict=True):
        embedding.weight.data = part
    return table
