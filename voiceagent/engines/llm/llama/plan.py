"""What one step does, decided on the event loop from what the sequences hold. Pure: uses no model.

Nothing is rewound unless the model's memory allows it. A stream has a `Slot` of three sequences: two checkpoints and
the reply under way; one more sequence, shared by all, holds the system prompt. Every computation starts from the
sequence that already holds the longest prefix.
"""

from bisect import bisect
from dataclasses import dataclass, field, replace
from itertools import accumulate

from voiceagent.engines.contract import CostKey, Need, claim, order
from voiceagent.engines.llm.llama.context_shape import CHECKPOINTS
from voiceagent.engines.llm.llama.sampler import Sampler
from voiceagent.engines.llm.llama.template import common_prefix

READING_S = 0.002
"""About how long a CPU takes to read a token."""


@dataclass(slots=True, eq=False)
class Sequence:
    """What one sequence of the context holds, once all delivered steps have run."""

    id: int
    tokens: list[int] = field(default_factory=list)
    dirty: bool = False
    """True if it may hold something else and must be emptied before use."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """One stream's sequences. In an undisturbed conversation the question continues the history, the reply both."""

    history: Sequence
    """Checkpoint: the conversation up to the user's next words. Different words start here."""
    reply: Sequence
    """The reply under way, or the remains of the last one."""
    question: Sequence | None = None
    """Checkpoint: the whole prompt, up to the reply. The part heard of an interrupted reply starts here; without it, at
    `history`."""

    @classmethod
    def of(cls, first: int, *, dirty: bool = False, checkpoints: int = CHECKPOINTS) -> "Slot":
        """Return a slot whose sequences have consecutive ids."""
        return cls(*(Sequence(first + number, dirty=dirty) for number in range(checkpoints + 1)))

    @property
    def all(self) -> tuple[Sequence, ...]:
        """The sequences."""
        return (self.history, self.reply) if self.question is None else (self.history, self.reply, self.question)

    def but(self, sequence: Sequence) -> tuple[Sequence, ...]:
        """Return the other sequences."""
        return tuple(other for other in self.all if other is not sequence)

    def emptied(self) -> "Slot":
        """Return another slot with the same ids: a step under way may still record changes in this one."""
        return Slot.of(self.history.id, dirty=True, checkpoints=len(self.all) - 1)


@dataclass(slots=True, eq=False, kw_only=True)
class StreamWork:
    """Tokens that a sequence should hold."""

    stream: int
    sequence: Sequence
    siblings: tuple[Sequence, ...]
    """The stream's other sequences."""
    shared: Sequence
    tokens: list[int]
    heads: tuple[tuple[Sequence, list[int]], ...] = ()
    """Checkpoints to leave on the way: the sequence, and the prefix of the tokens it should hold."""
    sampler: Sampler | None = None
    """Draws the token after the last one, if this is a reply or a thought."""
    given: int = 0
    """The number of tokens before the first drawn one, if there is a sampler."""
    looked_at: int | None = None
    """The position of a token whose successor's chances are asked for, if it is not computed yet."""
    deadline: float
    need: Need

    @property
    def due(self) -> float:
        """The deadline; for awaited work, later by the time to read what is unread: a short prompt need not wait for a
        long one, and a long one waits only for those that arrive while it could have been read."""
        if self.need is not Need.AWAITED:
            return self.deadline
        unread = len(self.tokens) - max(len(self.sequence.tokens), len(self.shared.tokens))
        return self.deadline + READING_S * max(0, unread)

    @property
    def own(self) -> tuple[Sequence, ...]:
        """All sequences of the stream."""
        return self.sequence, *self.siblings


@dataclass(frozen=True, slots=True)
class Fork:
    """Make `target` hold the first `keep` tokens of `source`, at no cost; `keep` 0 empties it."""

    source: Sequence
    target: Sequence
    keep: int


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One stream's part of a step: forks, then some tokens after the `start` that the sequence then holds."""

    work: StreamWork
    forks: tuple[Fork, ...]
    start: int
    tokens: list[int]
    sample: bool

    @property
    def looked_at(self) -> int | None:
        """The position of the token looked at, if it is one of these."""
        at = self.work.looked_at
        return at if at is not None and self.start <= at < self.start + len(self.tokens) else None

    def cut(self, tokens: int) -> "Piece":
        """Return its first tokens; the forks stay, because other pieces may depend on them."""
        return self if tokens >= len(self.tokens) else replace(self, tokens=self.tokens[:tokens], sample=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """One step, in the order of execution: drops, all forks, one decode."""

    drops: tuple[Sequence, ...]
    pieces: tuple[Piece, ...]
    """Most urgent first."""
    spare: tuple[Slot, ...] = ()
    """Slots of streams not in this step, idle ones first: what to evict when the memory is full."""

    @property
    def size(self) -> int:
        """The number of tokens it computes."""
        return sum(len(piece.tokens) for piece in self.pieces)

    @property
    def cost_key(self) -> CostKey:
        """What its cost depends on."""
        return step_key(self.size)

    def of_size(self, tokens: int) -> "Plan":
        """Return a plan of at most `tokens`, and at least one.

        First pieces read less, the least urgent first; then whole pieces are left out, the least urgent first, because
        each depends on those before it. A piece that only forks is nearly free.
        """
        ones = list(accumulate(bool(piece.tokens) for piece in self.pieces))
        pieces = self.pieces[: bisect(ones, max(1, tokens))]
        room, kept = tokens - ones[len(pieces) - 1], []
        for piece in pieces:
            more = max(0, min(room, len(piece.tokens) - 1))
            room -= more
            kept.append(piece.cut(1 + more))
        return replace(self, pieces=tuple(kept))


def step_key(tokens: int) -> CostKey:
    """Return the cost key of a step, with few sizes to learn: all up to 4, multiples of 4 up to 32, then of 32."""
    width = 1 if tokens <= 4 else 4 if tokens <= 32 else 32
    return "llm.step", -(-tokens // width) * width


def smaller_sizes(tokens: int) -> list[int]:
    """Return the sizes of steps that cost less than one of `tokens`, the largest first."""
    sizes = {step_key(size)[1] for size in range(1, tokens)}
    return sorted((size for size in sizes if size < tokens), reverse=True)


def plan(
    works: list[StreamWork], dirty: list[Sequence], *, streams: int, prefill_tokens: int, rewindable: bool, now: float
) -> Plan:
    """Plan a step for the most urgent `streams`: the next token of a reply, or a piece of a prompt.

    All pieces together have `prefill_tokens`, or half as many again if that is all that is left: a small rest costs
    nearly a step of its own. Speculative work runs only if there is no other, and work in the background if there is
    not even that. Where the memory cannot be rewound, a step either continues replies or reads prompts, whichever is
    most urgent: llama.cpp would go through such a model twice for both, once for what all sequences have and once more
    for the rest.
    """
    claims = [max(claim(work.need, work.due, now)[0], Need.AWAITED) for work in works]
    urgent = [work for work, claimed in zip(works, claims, strict=True) if claimed is min(claims)]
    held: dict[Sequence, list[int]] = {}
    pieces: list[Piece] = []
    continuing: bool | None = None  # replies or reading, once the most urgent has decided that
    for work in sorted(urgent, key=lambda work: order(work.need, work.due, now))[:streams]:
        decoding = work.sampler is not None and len(work.sequence.tokens) == len(work.tokens) - 1
        if not rewindable and continuing not in (None, decoding):
            continue
        if decoding or prefill_tokens > 0:
            piece = _piece(work, 1 if decoding else prefill_tokens, held, rewindable)
            pieces.append(piece)
            if continuing is None and piece.tokens:
                continuing = decoding
            if not decoding:
                prefill_tokens -= len(piece.tokens)
    return Plan(tuple(dirty), tuple(pieces))


def _piece(work: StreamWork, room: int, held: dict[Sequence, list[int]], rewindable: bool) -> Piece:
    """Plan one stream's part; `held` has the sequences changed by the forks planned so far, and what they then hold."""
    most = len(work.tokens) - (work.sampler is not None)  # a token must be computed to draw the next one

    def holds(sequence: Sequence) -> list[int]:
        return held.get(sequence, sequence.tokens)

    def usable(sequence: Sequence) -> int:
        common = common_prefix(holds(sequence), work.tokens)
        if rewindable:
            return min(common, most)
        return common if common == len(holds(sequence)) <= most else 0

    def fork(source: Sequence, target: Sequence, keep: int) -> None:
        forks.append(Fork(source, target, keep))
        held[target] = holds(source)[:keep]

    forks: list[Fork] = []
    source = max((work.sequence, *work.siblings, work.shared), key=usable)
    start = usable(source)
    if source is work.shared:  # the others hold less of it; and if it is copied, it needs their room
        for sequence in filter(holds, work.own):
            fork(sequence, sequence, 0)
    if len(work.tokens) - start <= room * 3 // 2:
        room = len(work.tokens) - start
    if source is not work.sequence or start < len(holds(source)):
        fork(source, work.sequence, start)
    for checkpoint, head in work.heads:
        at = len(head)
        if not head or holds(checkpoint) == head or work.tokens[:at] != head:
            continue
        if start == at or (start > at and rewindable):
            fork(work.sequence, checkpoint, at)
        elif start < at and not rewindable:
            room = min(room, at - start)  # stop here, to copy it when it holds exactly this
    for sibling in work.siblings:
        other = holds(sibling)
        if common_prefix(other, work.tokens) < min(len(other), len(work.tokens)):
            # No longer useful; and so a stream never occupies more cells than its longest sequence.
            fork(sibling, sibling, 0)
    tokens = work.tokens[start : start + room]
    return Piece(
        work, tuple(forks), start, tokens, work.sampler is not None and start + len(tokens) == len(work.tokens)
    )
