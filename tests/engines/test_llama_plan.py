"""Plans, carried out on a model of the memory: whatever the sequences hold, each piece finds what it counts on."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.contract import PATIENCE_S, Need, order
from voiceagent.engines.llm.llama.context_shape import most_tokens
from voiceagent.engines.llm.llama.plan import Plan, Sequence, Slot, StreamWork, plan, smaller_sizes, step_key
from voiceagent.engines.llm.llama.sampler import Sampler
from voiceagent.engines.llm.llama.template import common_prefix

PREFILL = 4
TOKENS = st.lists(st.integers(0, 1), max_size=8)
SAMPLER = cast(Sampler, object())  # plans only ask whether there is one


@st.composite
def wishes(draw: st.DrawFn) -> list[StreamWork]:
    """Return works of up to three streams over sequences that hold anything."""
    shared = Sequence(0, draw(TOKENS))
    works = []
    for stream in range(draw(st.integers(1, 3))):
        slot = Slot.of(3 * stream + 1, checkpoints=draw(st.sampled_from((1, 2))))
        for sequence in slot.all:
            sequence.tokens = draw(TOKENS)
        replying = draw(st.booleans())
        own = slot.reply if replying else slot.history
        tokens = [*draw(TOKENS), 0]
        siblings = tuple(sequence for sequence in slot.all if sequence is not own)
        heads = [(each, tokens[: draw(st.integers(0, 8))]) for each in (shared, *siblings)]
        work = StreamWork(
            stream=stream,
            sequence=own,
            siblings=siblings,
            shared=shared,
            tokens=tokens,
            heads=tuple(heads),
            sampler=SAMPLER if replying else None,
            deadline=draw(st.floats(0, 9)),
            need=draw(st.sampled_from(Need)),
        )
        works.append(work)
    return works


def carry_out(planned: Plan, *, rewindable: bool) -> None:
    """Do what the engine does, on lists."""
    for piece in planned.pieces:
        for fork in piece.forks:
            assert fork.keep <= len(fork.source.tokens)
            assert rewindable or fork.keep in (0, len(fork.source.tokens)), "a hybrid memory cannot be rewound"
            fork.target.tokens = fork.source.tokens[: fork.keep]
    for piece in planned.pieces:
        assert piece.work.sequence.tokens == piece.work.tokens[: piece.start]
        piece.work.sequence.tokens = piece.work.sequence.tokens + piece.tokens
        assert piece.sample == (piece.work.sampler is not None and piece.work.sequence.tokens == piece.work.tokens)


@given(wishes(), st.integers(1, 3), st.booleans())
def test_every_work_gets_done_a_bounded_piece_at_a_time(
    works: list[StreamWork], streams: int, rewindable: bool
) -> None:
    open_works = works
    for _ in range(40):
        planned = plan(open_works, [], streams=streams, prefill_tokens=PREFILL, rewindable=rewindable, now=0.0)
        assert len(planned.pieces) <= streams
        assert sum(len(piece.tokens) for piece in planned.pieces) <= most_tokens(streams, PREFILL)
        assert all(piece.tokens or piece.start == len(piece.work.tokens) for piece in planned.pieces)
        carry_out(planned, rewindable=rewindable)
        open_works = [work for work in open_works if work.sequence.tokens != work.tokens]
        if not open_works:
            break
    assert not open_works


@given(wishes(), st.integers(1, 3), st.booleans(), st.data())
def test_so_it_does_in_steps_that_were_made_smaller(
    works: list[StreamWork], streams: int, rewindable: bool, data: st.DataObject
) -> None:
    open_works = works
    for _ in range(120):
        whole = plan(open_works, [], streams=streams, prefill_tokens=PREFILL, rewindable=rewindable, now=0.0)
        planned = whole.of_size(size := data.draw(st.integers(1, 9)))
        assert planned.size <= size
        assert planned.size == min(size, whole.size), "nothing less than what fits"
        served = [piece.work for piece in planned.pieces]
        assert served == [piece.work for piece in whole.pieces][: len(served)], "the most urgent ones"
        carry_out(planned, rewindable=rewindable)
        open_works = [work for work in open_works if work.sequence.tokens != work.tokens]
        if not open_works:
            break
    assert not open_works


@given(st.integers(1, 300))
def test_smaller_steps_are_of_sizes_whose_cost_is_known(tokens: int) -> None:
    sizes = smaller_sizes(tokens)
    assert all(step_key(size) == ("llm.step", size) for size in sizes)
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0] < tokens and sizes[-1] == 1) if tokens > 1 else not sizes


@given(wishes(), st.booleans())
def test_a_stream_keeps_nothing_that_its_work_has_no_use_for(works: list[StreamWork], rewindable: bool) -> None:
    planned = plan(works, [], streams=3, prefill_tokens=PREFILL, rewindable=rewindable, now=0.0)
    carry_out(planned, rewindable=rewindable)
    for work in (piece.work for piece in planned.pieces):
        for kept in (sibling.tokens for sibling in work.siblings):
            assert common_prefix(kept, work.tokens) == min(len(kept), len(work.tokens))


@given(wishes(), st.integers(1, 3))
def test_what_cannot_be_rewound_either_continues_replies_or_reads_prompts(
    works: list[StreamWork], streams: int
) -> None:
    for _ in range(20):
        planned = plan(works, [], streams=streams, prefill_tokens=PREFILL, rewindable=False, now=0.0)
        kinds = {
            piece.work.sampler is not None and piece.start == len(piece.work.tokens) - 1
            for piece in planned.pieces
            if piece.tokens and len(piece.work.sequence.tokens) == piece.start
        }
        assert len(kinds) <= 1
        assert planned.pieces
        carry_out(planned, rewindable=False)
        works = [work for work in works if work.sequence.tokens != work.tokens]
        if not works:
            break


@given(wishes())
def test_the_urgent_come_first_and_guesses_only_where_nobody_waits(works: list[StreamWork]) -> None:
    planned = plan(works, [], streams=2, prefill_tokens=PREFILL, rewindable=True, now=0.0)
    chosen = [piece.work for piece in planned.pieces]
    assert 1 <= len(chosen) <= 2
    ranks = [order(work.need, work.due, 0.0) for work in chosen]
    assert ranks == sorted(ranks)
    claims = {max(work.need, Need.AWAITED) for work in chosen}
    assert claims == {min(max(work.need, Need.AWAITED) for work in works)}


def test_a_reply_that_waits_in_the_background_joins_those_of_callers_in_the_end() -> None:
    def work(stream: int, need: Need) -> StreamWork:
        own, sibling, shared = (Sequence(3 * stream + number) for number in range(3))
        return StreamWork(
            stream=stream,
            sequence=own,
            siblings=(sibling,),
            shared=shared,
            tokens=[1],
            sampler=SAMPLER,
            deadline=0.0,
            need=need,
        )

    def served(now: float) -> list[int]:
        works = [work(0, Need.BACKGROUND), work(1, Need.PROMISED)]
        planned = plan(works, [], streams=2, prefill_tokens=PREFILL, rewindable=True, now=now)
        return sorted(piece.work.stream for piece in planned.pieces)

    assert served(PATIENCE_S - 0.1) == [1]
    assert served(PATIENCE_S) == [0, 1]


def reading(length: int) -> list[int]:
    """Return the sizes of the pieces in which a prompt of this length is read."""
    sequence, sibling, shared = (Sequence(number) for number in range(3))
    work = StreamWork(
        stream=0,
        sequence=sequence,
        siblings=(sibling,),
        shared=shared,
        tokens=[1] * length,
        sampler=SAMPLER,
        deadline=0.0,
        need=Need.AWAITED,
    )
    pieces = []
    while len(sequence.tokens) < length:
        planned = plan([work], [], streams=1, prefill_tokens=16, rewindable=True, now=0.0)
        carry_out(planned, rewindable=True)
        pieces.append(len(planned.pieces[0].tokens))
    return pieces


def test_a_small_rest_is_read_with_the_piece_before_it() -> None:
    assert reading(16) == [16]
    assert reading(24) == [24]
    assert reading(25) == [16, 9]
    assert reading(40) == [16, 24]


def asking(stream: int, tokens: int, deadline: float) -> StreamWork:
    """Return a reply whose prompt is so long, and of which nothing is read yet."""
    slot = Slot.of(3 * stream + 1)
    return StreamWork(
        stream=stream,
        sequence=slot.reply,
        siblings=(slot.history, slot.question),
        shared=Sequence(0),
        tokens=[stream] * tokens,
        sampler=SAMPLER,
        deadline=deadline,
        need=Need.AWAITED,
    )


def test_who_asks_for_little_does_not_wait_until_a_long_prompt_is_read() -> None:
    greedy, modest = asking(0, 1000, deadline=0.0), asking(1, 12, deadline=0.5)
    steps = []
    while modest.sequence.tokens != modest.tokens:
        planned = plan([greedy, modest], [], streams=1, prefill_tokens=PREFILL, rewindable=True, now=0.5)
        carry_out(planned, rewindable=True)
        steps.append(planned.pieces[0].work)
    assert greedy not in steps


def test_and_a_long_prompt_is_read_in_the_end_whoever_else_comes() -> None:
    greedy = asking(0, 100, deadline=0.0)
    for arrival in range(1, 60):
        modest = asking(1, 6, deadline=arrival * 0.01)
        planned = plan([greedy, modest], [], streams=1, prefill_tokens=PREFILL, rewindable=True, now=modest.deadline)
        carry_out(planned, rewindable=True)
    assert greedy.sequence.tokens == greedy.tokens
