"""Which text token each row is speaking, and the attention prior that follows from it: NeMo's rules, on tensors.

The rules are those of `MagpieTTSModel`: `get_most_attended_text_timestep`, `construct_inference_prior` for a response's
first chunk, `construct_multi_chunk_prior` for later ones, and the counters of `generate_speech`. There they are loops
over rows and dictionaries; here every row is an element of a tensor and the host reads nothing.

Positions count from the start of the row's text, its history included. NeMo counts them through a whole response and
subtracts an offset. This differs in one case: after a short chunk that follows an early end, NeMo's index can be
negative, and Python then counts from the end of the text, so that NeMo takes the new chunk as spoken. Here it is zero.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BEFORE_LAST = 3
"""The last tokens of a text are never searched: reaching them means that the text has been spoken."""
SINK = 8
"""A token attended for this many steps is passed over."""
BLOCKED = 10
"""After this many steps, the prior blocks it and all tokens before it."""
VERY_SHORT = 5
"""A first chunk of at most this many tokens gets no prior."""
FORCED_END_FIRST, FORCED_END_LATER = 20, 5
"""Steps after the text was spoken at which speech must end, if the checkpoint requires it."""
UNFINISHED_LIMIT = 5
UNFINISHED_LIMIT_MORE = 1
"""Steps after which end-of-speech is allowed, if the checkpoint forbids it before."""
CUT_BEFORE_NEXT = 3
"""Steps after the text was spoken at which a chunk that is not the last ends."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The checkpoint's settings for the prior."""

    prior: bool
    epsilon: float
    window: int
    start_after: int
    track_finished: bool
    later_weights: tuple[float, ...]
    initial_weights: tuple[float, ...]
    short_later: int

    @classmethod
    def of_model(cls, model: Any) -> "Rules":
        """Read them from the model; NeMo handles older names of some."""
        parameters, chunked = model.inference_parameters, model.chunked_inference_config
        return cls(
            prior=parameters.apply_attention_prior,
            epsilon=parameters.attention_prior_epsilon,
            window=parameters.attention_prior_lookahead_window,
            start_after=parameters.start_prior_after_n_audio_steps,
            track_finished=not parameters.ignore_finished_sentence_tracking,
            later_weights=tuple(chunked.prior_weights),
            initial_weights=tuple(chunked.prior_weights_init[:5]),
            short_later=chunked.short_sentence_threshold,
        )

    def initial_prior(self, history: int, length: int) -> Tensor:
        """Return the prior (length) with which a later chunk begins after `history` tokens."""
        prior = torch.full((length,), self.epsilon)
        prior[:history] = self.epsilon**2
        for offset, weight in enumerate(self.initial_weights):
            if history + offset < length:
                prior[history + offset] = weight
        return prior


class Alignment:
    """The tracked state of `rows` rows whose texts have up to `text` tokens."""

    def __init__(self, rules: Rules, rows: int, text: int, device: torch.device) -> None:
        self.rules = rules
        self._ids = torch.arange(text, device=device)
        self._later_weights = torch.tensor([*rules.later_weights[1:], rules.epsilon**2], device=device)
        zeros = torch.zeros(rows, dtype=torch.int64, device=device)
        self.length, self.last, self.since_spoken = zeros + 1, zeros.clone(), zeros.clone()
        self.counts = torch.zeros(rows, text, dtype=torch.int64, device=device)
        self.prior = torch.ones(rows, text, device=device)
        self.later = torch.zeros(rows, dtype=torch.bool, device=device)
        self.more = torch.zeros(rows, dtype=torch.bool, device=device)
        self.unfinished = torch.zeros(rows, dtype=torch.bool, device=device)

    @property
    def state(self) -> tuple[Tensor, ...]:
        """All tensors with one row per utterance."""
        tracked = (self.length, self.last, self.since_spoken, self.counts, self.prior)
        return (*tracked, self.later, self.more, self.unfinished)

    def begin(self, row: int, length: int, last: int, initial: Tensor | None, *, later: bool, more: bool) -> None:
        """Put a chunk of `length` tokens into a row: `later` if not its response's first, `more` if others follow.

        `last` is the position to search from, `initial` the prior of the first step.
        """
        self.counts[row] = 0
        self.prior[row] = 1.0
        if initial is not None:
            self.prior[row, :length] = initial.to(self.prior.device)
        for state, value in ((self.length, length), (self.last, last), (self.since_spoken, 0)):
            state[row].fill_(value)  # an assignment would make the host wait
        for mark, value in ((self.later, later), (self.more, more), (self.unfinished, False)):
            mark[row].fill_(value)

    def track(self, n: int, attention: Tensor, step: Tensor, active: Tensor) -> Tensor:
        """Advance the `active` ones of the first `n` rows, and return the position (n) that each attends to.

        `attention` (n, text) is the mean over the alignment layers; `step` (n) counts a chunk's steps from 0.
        """
        ids, rules = self._ids, self.rules
        length, last, counts = self.length[:n], self.last[:n], self.counts[:n]
        start = (last + (counts.gather(1, last[:, None]).squeeze(1) >= SINK)).clamp_min(0)
        end = torch.minimum(start + rules.window, length - BEFORE_LAST)
        searched = (ids >= start[:, None]) & (ids < end[:, None])
        best = attention.masked_fill(~searched, float("-inf")).argmax(-1)
        attended = torch.where(start < end, best, length - 1)
        if not rules.prior:  # only the word timing needs it
            self.last[:n] = torch.where(active, attended, last)
            counts.scatter_add_(1, attended[:, None], active[:, None].to(counts.dtype))
            return attended
        tracking = active & (step >= rules.start_after)
        counts.scatter_add_(1, attended[:, None], tracking[:, None].to(counts.dtype))
        later = self.later[:n]
        prior = torch.where(
            later[:, None], self._later_prior(attended, length, counts), self._first_prior(attended, length, counts)
        )
        self.prior[:n] = torch.where(tracking[:, None], prior, self.prior[:n])
        self.last[:n] = torch.where(tracking, attended, last)
        spoken = (attended >= length - torch.where(later, 3, 2)) | (self.since_spoken[:n] > 0)
        since = self.since_spoken[:n] + spoken.to(torch.int64)
        self.since_spoken[:n] = torch.where(tracking, since, self.since_spoken[:n])
        limit = torch.where(self.more[:n] & later, UNFINISHED_LIMIT_MORE, UNFINISHED_LIMIT)
        unfinished = (attended < length - 3) & (since <= limit)
        self.unfinished[:n] = torch.where(tracking, unfinished, self.unfinished[:n])
        return attended

    def must_end(self, n: int) -> Tensor:
        """Return which rows (n) must end."""
        limit = torch.where(self.later[:n], FORCED_END_LATER, FORCED_END_FIRST)
        return (self.since_spoken[:n] >= limit) & self.rules.track_finished

    def may_not_end(self, n: int) -> Tensor:
        """Return which rows (n) may not end."""
        return self.unfinished[:n] & self.rules.track_finished

    def cut(self, n: int) -> Tensor:
        """Return the rows (n) whose chunk is over because its text has been spoken and another chunk follows."""
        return self.more[:n] & (self.since_spoken[:n] >= CUT_BEFORE_NEXT)

    def _first_prior(self, attended: Tensor, length: Tensor, counts: Tensor) -> Tensor:
        """Return a window around the attended token, with one token of history."""
        ids, a, last = self._ids, attended[:, None], length[:, None] - 1
        window = (ids >= a) & (ids <= torch.minimum(a + self.rules.window, last.clamp_min(0)))
        opened = window | (ids == (a - 1).clamp_min(1)) | (ids == a)
        opened = opened | (length[:, None] <= VERY_SHORT)
        prior = torch.where(opened, 1.0, self.rules.epsilon)
        blocked = self._blocked(counts, ids >= 0)
        return torch.where(blocked, self.rules.epsilon, prior)

    def _later_prior(self, attended: Tensor, length: Tensor, counts: Tensor) -> Tensor:
        """Return a peak at the attended token that falls off ahead of it, nearly zero behind and far ahead."""
        ids, a = self._ids, attended[:, None]
        history = (a - 1).clamp_min(1)
        weights = self._later_weights
        ahead = weights[(ids - a).clamp(0, len(weights) - 1)]
        behind = torch.where(ids < history, self.rules.epsilon**2, self.rules.epsilon)
        behind = torch.where(ids == history, self.rules.later_weights[0], behind)
        prior = torch.where(ids >= a, ahead, behind)
        prior = torch.where(length[:, None] <= self.rules.short_later, 1.0, prior)
        return torch.where(self._blocked(counts, ids > 0), self.rules.epsilon**2, prior)

    def _blocked(self, counts: Tensor, considered: Tensor) -> Tensor:
        """Return all positions up to the last considered one that was attended too often."""
        stuck = (counts >= BLOCKED) & considered
        return stuck.to(torch.int32).flip(1).cumsum(1).flip(1) > 0
