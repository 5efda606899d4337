"""What one step does, decided on the event loop from what the sequences hold. Pure: no model is touched.

Nothing is ever rewound unless the model's memory allows it. A stream has a `Slot` of three sequences: two checkpoints
and the reply under way; one more sequence, shared by all, holds the system prompt. Whatever is to be computed starts
from the sequence that already holds the most of it.
"""

from bisect import bisect
from dataclasses import dataclass, field, replace
from itertools import accumulate

from voiceagent.engines.contract import CostKey, Need, order
from voiceagent.engines.llm.llama.sampler import Sampler
from voiceagent.engines.llm.llama.template import common_prefix

READING_S = 0.002
"""What reading a token may take on a CPU."""


@dataclass(slots=True, eq=False)
class Sequence:
    """What one sequence of the context holds, once all delivered steps have run."""

    id: int
    tokens: list[int] = field(default_factory=list)
    dirty: bool = False
    """True when it may hold something else, and must be emptied before use."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """One stream's sequences, each a beginning of the next one in an undisturbed conversation."""

    history: Sequence
    """Checkpoint: the conversation up to where the user's next words will stand. Other words start here."""
    question: Sequence
    """Checkpoint: the whole prompt, up to where the reply begins. What was heard of an interrupted one starts here."""
    reply: Sequence
    """The reply under way, or what is left of the last one."""

    @property
    def all(self) -> tuple[Sequence, Sequence, Sequence]:
        """The sequences."""
        return self.history, self.question, self.reply

    def emptied(self) -> "Slot":
        """Return another slot of the same ids: a step under way may still write down what it does to this one."""
        return Slot(*(Sequence(sequence.id, dirty=True) for sequence in self.all))


@dataclass(slots=True, eq=False, kw_only=True)
class StreamWork:
    """Tokens that a sequence shall hold."""

    stream: int
    sequence: Sequence
    siblings: tuple[Sequence, ...]
    """The stream's other sequences."""
    shared: Sequence
    tokens: list[int]
    heads: tuple[tuple[Sequence, list[int]], ...] = ()
    """Checkpoints to leave on the way: which sequence shall hold which beginning of the tokens."""
    sampler: Sampler | None = None
    """Draws the token after the last one, where there is a reply to be made."""
    deadline: float
    need: Need

    @property
    def due(self) -> float:
        """The deadline; of who waits in silence, later by what is still to be read: a short prompt need not wait until
        a long one is read, and a long one waits for no more than those that come while it might have been."""
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
    """Let `target` hold the first `keep` tokens of `source`, at no cost; none of them empties it."""

    source: Sequence
    target: Sequence
    keep: int


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One stream's part of a step: forks, then some tokens behind the `start` that the sequence then holds."""

    work: StreamWork
    forks: tuple[Fork, ...]
    start: int
    tokens: list[int]
    sample: bool

    def cut(self, tokens: int) -> "Piece":
        """Return its first tokens; the forks stay, as others may count on them."""
        return self if tokens >= len(self.tokens) else replace(self, tokens=self.tokens[:tokens], sample=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """One step, in the order of execution: drops, all forks, one decode."""

    drops: tuple[Sequence, ...]
    pieces: tuple[Piece, ...]
    """Most urgent first."""
    spare: tuple[Slot, ...] = ()
    """Of streams that have no part in this step, idle ones first: what to give up when the memory is full."""

    @property
    def size(self) -> int:
        """The tokens it computes."""
        return sum(len(piece.tokens) for piece in self.pieces)

    @property
    def cost_key(self) -> CostKey:
        """What its cost goes by."""
        return step_key(self.size)

    def of_size(self, tokens: int) -> "Plan":
        """Return a plan of at most so many tokens, and at least one.

        First less is read, by the least urgent first; then whole pieces are left out, the least urgent first, as each
        counts on what those before it do. A piece that only forks is as good as free.
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
    """Return the cost key of a step: few sizes for the cost model to learn, each to 4, multiples of 4 to 32, of 32."""
    width = 1 if tokens <= 4 else 4 if tokens <= 32 else 32
    return "llm.step", -(-tokens // width) * width


def smaller_sizes(tokens: int) -> list[int]:
    """Return the sizes of steps that cost less than one of so many tokens, the largest first."""
    sizes = {step_key(size)[1] for size in range(1, tokens)}
    return sorted((size for size in sizes if size < tokens), reverse=True)


def plan(
    works: list[StreamWork], dirty: list[Sequence], *, streams: int, prefill_tokens: int, rewindable: bool, now: float
) -> Plan:
    """Plan a step for the most urgent `streams`: the next token of a reply, or a piece of what is to be read.

    All pieces together have `prefill_tokens`, or half as many again where that is the whole rest: a small rest costs
    nearly a step of its own. Speculative work runs only where there is no other.
    """
    urgent = [work for work in works if work.need is not Need.SPECULATIVE] or works
    held: dict[Sequence, list[int]] = {}
    pieces = []
    for work in sorted(urgent, key=lambda work: order(work.need, work.due, now))[:streams]:
        decoding = work.sampler is not None and len(work.sequence.tokens) == len(work.tokens) - 1
        if decoding or prefill_tokens > 0:
            piece = _piece(work, 1 if decoding else prefill_tokens, held, rewindable)
            pieces.append(piece)
            if not decoding:
                prefill_tokens -= len(piece.tokens)
    return Plan(tuple(dirty), tuple(pieces))


def _piece(work: StreamWork, room: int, held: dict[Sequence, list[int]], rewindable: bool) -> Piece:
    """Plan one stream's part; `held` is what the sequences hold after the forks planned so far, where they differ."""
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
    if source is work.shared:  # they hold less of it; and where it is copied, it needs the room
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
            room = min(room, at - start)  # to be copied when it holds just this
    for sibling in work.siblings:
        other = holds(sibling)
        if common_prefix(other, work.tokens) < min(len(other), len(work.tokens)):
            # Of no use any more; and so a stream never occupies more cells than its longest sequence.
            fork(sibling, sibling, 0)
    tokens = work.tokens[start : start + room]
    return Piece(
        work, tuple(forks), start, tokens, work.sampler is not None and start + len(tokens) == len(work.tokens)
    )
