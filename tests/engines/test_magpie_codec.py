"""Audio decoded piece by piece is the audio of the whole: there are no seams."""

from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import model  # noqa: E402 (needs torch)

from voiceagent.engines.nemo.dummies.magpie import dummy_magpie  # noqa: E402
from voiceagent.engines.nemo.precision import set_precision  # noqa: E402
from voiceagent.engines.tts.magpie.codec import MOST_PIECE, StreamingCodec  # noqa: E402

PLACES, FRAMES = 3, 24
CODES = np.random.default_rng(1).integers(0, 2016, (2, FRAMES, 8))


@pytest.fixture(scope="module")
def codec() -> StreamingCodec:
    return StreamingCodec(model(), PLACES)


@pytest.fixture(scope="module")
def recorded() -> StreamingCodec:
    codec = StreamingCodec(model(), PLACES)
    codec.record((2, 5), PLACES)
    return codec


def whole(codes: NDArray[np.int64]) -> NDArray[np.float32]:
    """NeMo's decoding of (frames, codebooks) at once."""
    with torch.inference_mode():
        audio, _ = model()._codec_model.decode(
            tokens=torch.from_numpy(codes.T[None]), tokens_len=torch.tensor([len(codes)])
        )
    pcm: NDArray[np.float32] = audio[0].numpy()
    return pcm


def test_the_codec_is_nanocodecs(codec: StreamingCodec) -> None:
    assert codec.sample_rate == 22_050
    assert codec.samples_per_frame == 1_024


@settings(max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=FRAMES))
def test_pieces_of_any_size_make_the_whole(codec: StreamingCodec, sizes: list[int]) -> None:
    codec.forget(1)
    ends = [0, *(end for end in accumulate(sizes) if end < FRAMES), FRAMES]
    pieces = [codec.decode([1], [CODES[0, start:end]])[0] for start, end in pairwise(ends)]
    assert [len(piece) for piece in pieces] == [(end - start) * 1_024 for start, end in pairwise(ends)]
    assert np.abs(np.concatenate(pieces) - whole(CODES[0])).max() <= 1e-4


def test_one_frame_at_a_time_is_the_whole(codec: StreamingCodec) -> None:
    codec.forget(0)
    pieces = [codec.decode([0], [CODES[0, at : at + 1]])[0] for at in range(FRAMES)]
    assert np.abs(np.concatenate(pieces) - whole(CODES[0])).max() <= 1e-4


def test_streams_in_one_batch_do_not_hear_each_other(codec: StreamingCodec) -> None:
    codec.forget(2)
    codec.forget(0)
    alone = codec.decode([2], [CODES[1, :4]])[0]
    both = [codec.decode([2, 0], [CODES[1, 4 + at : 8 + at], CODES[0, at : at + 4]]) for at in (0, 4)]
    assert np.abs(np.concatenate([alone, both[0][0], both[1][0]]) - whole(CODES[1])[: 12 * 1_024]).max() <= 1e-4
    assert np.abs(np.concatenate([both[0][1], both[1][1]]) - whole(CODES[0])[: 8 * 1_024]).max() <= 1e-4


@settings(max_examples=10)
@given(st.lists(st.sampled_from([2, 5]), min_size=1, max_size=4), st.integers(1, 4))
def test_recorded_pieces_make_the_whole_whatever_the_size_of_the_last(
    recorded: StreamingCodec, sizes: list[int], last: int
) -> None:
    """As on a GPU, where rows and frames are rounded up to what was recorded."""
    recorded.forget(0)
    recorded.forget(2)
    pieces: list[list[Any]] = []
    ends = [0, *accumulate([*sizes, last])]
    for start, end in pairwise(ends):
        places, rows = ([0, 2], [0, 1]) if start == 0 else ([2, 0], [1, 0])
        pieces.append(recorded.decode(places, [CODES[row, start:end] for row in rows]))
        assert {len(pcm) for pcm in pieces[-1]} == {(end - start) * 1_024}
    for row in (0, 1):
        heard = np.concatenate([pieces[0][row], *(piece[1 - row] for piece in pieces[1:])])
        assert np.abs(heard - whole(CODES[row])[: ends[-1] * 1_024]).max() <= 1e-4


def test_one_stream_alone_is_decoded_in_recorded_pieces_too(recorded: StreamingCodec) -> None:
    recorded.forget(1)
    pieces = [recorded.decode([1], [CODES[0, at : at + 2]])[0] for at in range(0, 12, 2)]
    assert np.abs(np.concatenate(pieces) - whole(CODES[0])[: 12 * 1_024]).max() <= 1e-4


def test_no_recorded_piece_is_larger_than_may_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[tuple[int, int]] = []

    class Piece:
        def __init__(self, codec: StreamingCodec, rows: int, frames: int, spare: int, pool: Any) -> None:
            recorded.append((rows, frames))

    monkeypatch.setattr("voiceagent.engines.tts.magpie.codec._Piece", Piece)
    codec = StreamingCodec(model(), 16)
    codec.record((40, 10, 6), 16)
    assert max(rows * frames for rows, frames in recorded) <= MOST_PIECE
    assert recorded == sorted(recorded, key=prod, reverse=True), "the largest allocation first"
    for frames in range(1, 41):
        size = next(size for size in (6, 10, 40) if size >= frames)
        assert (codec.most_rows(frames), size) in recorded
        assert (2 * codec.most_rows(frames), size) not in recorded


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_pieces_recorded_as_graphs_make_the_whole() -> None:
    set_precision(torch.device("cuda"), convolutions="ieee")
    codec = StreamingCodec(dummy_magpie("tiny").to("cuda"), PLACES)
    codec.record((2, 5), PLACES)
    ends = (0, 5, 7, 12, 16)
    pieces = [codec.decode([0, 2], [CODES[row, a:b] for row in (0, 1)]) for a, b in pairwise(ends)]
    for row in (0, 1):
        heard = np.concatenate([piece[row] for piece in pieces])
        assert np.abs(heard - whole(CODES[row])[: ends[-1] * 1_024]).max() <= 1e-4


def test_a_decoder_that_cannot_stream_is_refused() -> None:
    class Other:
        class _codec_model:  # noqa: N801 (as in NeMo)
            audio_decoder: Any = object()

    with pytest.raises(Exception, match="cannot stream"):
        StreamingCodec(Other(), 1)
