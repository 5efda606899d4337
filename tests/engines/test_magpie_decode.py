"""Our decode loop gives the codes that NeMo gives, whatever else is in the batch."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import LONG, PROBABLE, prepared, set_up  # noqa: E402 (needs torch)

from benchmarks import nemo_magpie as nemo  # noqa: E402
from benchmarks.nemo_magpie import Codes, finish, ours, sampling, tokens  # noqa: E402
from voiceagent.engines.nemo.dummies.magpie import UNLIKELY, dummy_magpie  # noqa: E402
from voiceagent.engines.nemo.memory import utterance_bytes  # noqa: E402
from voiceagent.engines.nemo.precision import set_precision  # noqa: E402
from voiceagent.engines.tts.magpie.decode_loop import (  # noqa: E402
    MOST_HISTORY,
    MOST_TOKENS,
    Chunk,
    Context,
    DecodeLoop,
)
from voiceagent.engines.tts.magpie.sampling import Sampling  # noqa: E402

TEXTS = ("hello there", "no.", LONG)
VOICES, SEEDS = (3, 0, 2), (11, 12, 13)
MANY = 100
"""Steps in which a short chunk of a dummy is spoken to its end: eight for each token."""
CHUNKS = ("hello there, old friend.", "so you go.", "this is the last one, and it goes on.")

stackings = pytest.mark.parametrize("stacking", [1, 2])
guidances = pytest.mark.parametrize("guidance", [True, False], ids=["guided", "unguided"])
choices = pytest.mark.parametrize("greedy", [True, False], ids=["greedy", "drawn"])
ends = pytest.mark.parametrize("end", [UNLIKELY, PROBABLE], ids=["bounded", "ending"])


def same(ours_: list[Codes], theirs: list[Codes]) -> None:
    assert [len(codes) for codes in ours_] == [len(codes) for codes in theirs]
    assert all(np.array_equal(a, b) for a, b in zip(ours_, theirs, strict=True))


@stackings
@guidances
@choices
@ends
def test_a_mixed_batch_says_what_infer_batch_says(stacking: int, guidance: bool, greedy: bool, end: float) -> None:
    tiny = prepared(stacking, end=end)
    how = sampling(tiny, greedy=greedy, guidance=guidance)
    with nemo.same_draws(tiny, SEEDS):
        theirs = nemo.nemo_batch(tiny, [tokens(tiny, text) for text in TEXTS], VOICES, guidance=guidance)
    same(ours(DecodeLoop(tiny, how, rows=4), tiny, TEXTS, VOICES, SEEDS), theirs)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@stackings
@choices
@pytest.mark.parametrize("cached", [True, False], ids=["cached", "recomputing"])
def test_recorded_graphs_say_what_infer_batch_says_on_the_same_gpu(stacking: int, greedy: bool, cached: bool) -> None:
    set_precision(torch.device("cuda"), convolutions="ieee")  # NeMo's convolutions are our products
    tiny = set_up(dummy_magpie("tiny", stacking=stacking).to("cuda"), end=PROBABLE)
    how = sampling(tiny, greedy=greedy, guidance=True)
    with nemo.same_draws(tiny, SEEDS):
        theirs = nemo.nemo_batch(tiny, [tokens(tiny, text) for text in TEXTS], VOICES, guidance=True, cached=cached)
    loop = DecodeLoop(tiny, how, rows=4, recompute=not cached)
    loop.warm_up()
    same(ours(loop, tiny, TEXTS, VOICES, SEEDS), theirs)


@stackings
@guidances
@choices
def test_recomputing_the_past_it_says_what_infer_batch_says_by_default(
    stacking: int, guidance: bool, greedy: bool
) -> None:
    """And so something else than with a cache, for the prior of the present bends the past."""
    tiny = prepared(stacking, end=PROBABLE)
    how = sampling(tiny, greedy=greedy, guidance=guidance)
    with nemo.same_draws(tiny, SEEDS):
        theirs = nemo.nemo_batch(tiny, [tokens(tiny, text) for text in TEXTS], VOICES, guidance=guidance, cached=False)
    same(ours(DecodeLoop(tiny, how, rows=4, recompute=True), tiny, TEXTS, VOICES, SEEDS), theirs)
    with_cache = ours(DecodeLoop(tiny, how, rows=4), tiny, TEXTS, VOICES, SEEDS)
    assert not all(np.array_equal(a, b) for a, b in zip(with_cache, theirs, strict=True))


@stackings
def test_recomputing_the_past_the_chunks_of_a_response_go_on_as_generate_speech_has_it(stacking: int) -> None:
    tiny = prepared(stacking, steps=MANY)
    how = sampling(tiny, greedy=False, guidance=True)
    texts = [tokens(tiny, text) for text in CHUNKS]
    theirs = nemo.nemo_chunks(tiny, texts, 4, SEEDS, guidance=True, cached=False)
    loop, context, said = DecodeLoop(tiny, how, rows=1, recompute=True), Context(), []
    for number, text in enumerate(texts):
        chunk = Chunk(text, 4, SEEDS[number], more=number < len(texts) - 1)
        said += finish(loop, [loop.begin(chunk, context)])
    same(said, theirs)


@stackings
@pytest.mark.parametrize("text", TEXTS)
def test_alone_a_text_is_said_as_in_company(stacking: int, text: str) -> None:
    tiny = prepared(stacking)
    how = sampling(tiny, greedy=False, guidance=True)
    loop = DecodeLoop(tiny, how, rows=3)
    loop.warm_up()
    together = ours(loop, tiny, TEXTS, VOICES, SEEDS)
    assert loop.live == 0
    number = TEXTS.index(text)
    same(ours(loop, tiny, [text], [VOICES[number]], [SEEDS[number]]), [together[number]])


@stackings
def test_rows_that_come_go_and_pause_disturb_no_other(stacking: int) -> None:
    tiny = prepared(stacking)
    loop = DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=3)
    alone = [ours(loop, tiny, [t], [v], [s])[0] for t, v, s in zip(TEXTS, VOICES, SEEDS, strict=True)]
    begun = [Chunk(tokens(tiny, t), v, s) for t, v, s in zip(TEXTS, VOICES, SEEDS, strict=True)]
    cancelled = loop.begin(begun[0], Context())
    second = loop.begin(begun[1], Context())
    heard: dict[int, list[Codes]] = {id(second): []}
    for _ in range(4):
        heard[id(second)].append(loop.step([cancelled, second])[1].frames)
    third = loop.begin(begun[2], Context())
    heard[id(third)] = [loop.step([third])[0].frames for _ in range(5)]  # the others wait
    loop.drop(cancelled)  # another row takes its place
    first = loop.begin(begun[0], Context())
    same(finish(loop, [first, second, third], heard), alone)
    assert loop.live == 0
    loop.drop(first)
    assert loop.live == 0


@stackings
@guidances
@choices
def test_without_the_prior_it_says_what_generate_speech_says(stacking: int, guidance: bool, greedy: bool) -> None:
    tiny = prepared(stacking, prior=False)
    how = sampling(tiny, greedy=greedy, guidance=guidance)
    theirs = nemo.nemo_chunks(tiny, [tokens(tiny, LONG)], 1, [5], guidance=guidance, cached=False)
    same(ours(DecodeLoop(tiny, how, rows=1), tiny, [LONG], [1], [5]), theirs)


@stackings
@pytest.mark.parametrize(
    ("greedy", "tracked", "end"),
    [(True, False, UNLIKELY), (False, True, UNLIKELY), (False, True, PROBABLE)],
    ids=["cut-greedy", "forced-drawn", "ending-drawn"],
)
def test_the_chunks_of_a_response_go_on_as_nemos_do(stacking: int, greedy: bool, tracked: bool, end: float) -> None:
    """As long as each chunk is spoken nearly to its end; the next test shows why."""
    tiny = prepared(stacking, end=end, steps=MANY)
    tiny.inference_parameters.ignore_finished_sentence_tracking = not tracked
    how = sampling(tiny, greedy=greedy, guidance=True)
    texts = [tokens(tiny, text) for text in CHUNKS]
    theirs = nemo.nemo_chunks(tiny, texts, 4, SEEDS, guidance=True, cached=True)
    loop, context, said = DecodeLoop(tiny, how, rows=1), Context(), []
    for number, text in enumerate(texts):
        chunk = Chunk(text, 4, SEEDS[number], more=number < len(texts) - 1)
        said += finish(loop, [loop.begin(chunk, context)])
    same(said, theirs)


def test_after_an_early_end_a_chunk_begins_at_its_history() -> None:
    """NeMo's index is negative here, counts from the end of the text, and takes the new chunk for spoken."""
    tiny = prepared(1, steps=MANY)
    loop, context = DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=1), Context()
    finish(loop, [loop.begin(Chunk(tokens(tiny, LONG), 0), context, limit=4)])
    row = loop.begin(Chunk(tokens(tiny, "no, no, no."), 0, 1), context)
    assert [loop.step([row])[0].token for _ in range(4)] == [0] * 4


@stackings
def test_later_chunks_without_the_prior_need_no_cache_to_be_equal(stacking: int) -> None:
    """The prior with which a later chunk begins stays: here NeMo recomputes the past with it, and so it is equal."""
    tiny = prepared(stacking, prior=False)
    how = sampling(tiny, greedy=False, guidance=True)
    texts = [tokens(tiny, text) for text in CHUNKS]
    theirs = nemo.nemo_chunks(tiny, texts, 0, SEEDS, guidance=True, cached=False)
    loop, context, said = DecodeLoop(tiny, how, rows=1), Context(), []
    for text, seed in zip(texts, SEEDS, strict=True):
        said += finish(loop, [loop.begin(Chunk(text, 0, seed), context)])
    same(said, theirs)


@pytest.mark.parametrize("method", ["argmax_any", "argmax_or_multinomial_all", "argmax_zero_cb"])
def test_every_way_of_detecting_the_end_is_nemos(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = prepared(2, end=12.0)
    monkeypatch.setattr(tiny.inference_parameters, "eos_detection_method", method)
    how = sampling(tiny, greedy=False, guidance=True)
    with nemo.same_draws(tiny, SEEDS):
        theirs = nemo.nemo_batch(tiny, [tokens(tiny, text) for text in TEXTS], VOICES, guidance=True)
    same(ours(DecodeLoop(tiny, how, rows=3), tiny, TEXTS, VOICES, SEEDS), theirs)


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    tiny = prepared(1)
    loop = DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=2)
    first, again, other = (ours(loop, tiny, ["hello"], [0], [seed])[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_text_that_does_not_end_is_ended_at_its_bound() -> None:
    tiny = prepared(2)
    loop = DecodeLoop(tiny, sampling(tiny, greedy=True, guidance=True), rows=1)
    row = loop.begin(Chunk(tokens(tiny, "hello"), 0), Context(), limit=7)
    stepped = [loop.step([row])[0] for _ in range(7)]
    assert [outcome.ended for outcome in stepped] == [False] * 6 + [True]
    assert stepped[-1].bounded
    assert loop.live == 0


def test_in_bfloat16_it_speaks_too() -> None:
    """As on a GPU; what it says there differs by rounding."""
    tiny = dummy_magpie("tiny", stacking=2)
    for name, part in tiny.named_children():
        if name != "_codec_model":
            part.to(torch.bfloat16)
    context = Context()
    loop = DecodeLoop(tiny, Sampling.of_model(tiny), rows=2)
    for text in ("hello", "there"):
        (codes,) = finish(loop, [loop.begin(Chunk(tokens(tiny, text), 0), context, limit=4)])
        assert codes.shape == (8, 8)
        assert codes.max() < 2016


def test_the_attended_token_never_goes_back_and_reaches_the_end() -> None:
    tiny = prepared(1, steps=120)
    text = tokens(tiny, "hello there my friend")
    loop = DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=1)
    row = loop.begin(Chunk(text, 0), Context())
    attended = [loop.step([row])[0].token for _ in range(120)]
    assert attended == sorted(attended)
    assert attended[-1] == len(text) - 1


def test_numbers_that_break_down_end_their_row_alone() -> None:
    tiny = prepared(1)
    loop = DecodeLoop(tiny, sampling(tiny, greedy=False, guidance=True), rows=2)
    well: Any = loop.begin(Chunk(tokens(tiny, "hello"), 0, 1), Context())
    ill: Any = loop.begin(Chunk(tokens(tiny, "there"), 1, 2), Context())
    with torch.inference_mode():
        loop._decoder.keys[:, ill.place] = float("nan")
    outcomes = loop.step([well, ill])
    assert [outcome.finite for outcome in outcomes] == [True, False]
    assert loop.live == 1
    same([np.concatenate([outcomes[0].frames, *finish(loop, [well])])], ours(loop, tiny, ["hello"], [0], [1]))


@stackings
def test_an_utterance_takes_the_memory_that_was_reckoned(stacking: int) -> None:
    tiny = prepared(stacking)
    loop = DecodeLoop(tiny, sampling(tiny, greedy=True, guidance=True), rows=3)
    decoder = loop._decoder
    layers, rows, _, heads, positions, size = decoder.keys.shape
    text_heads, text, text_size = decoder.text_keys.shape[2:]
    reckoned = utterance_bytes(
        layers=layers, width=heads * size, positions=positions, text_width=text_heads * text_size, text=text
    )
    held = (decoder.keys, decoder.values, decoder.text_keys, decoder.text_values)
    assert sum(cache.nbytes for cache in held) == rows * reckoned
    assert text == MOST_TOKENS + MOST_HISTORY == 384 + 20
