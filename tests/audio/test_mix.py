"""Channels that become one while they come: no louder and no quieter than the loudest."""

import numpy as np
import pytest

from voiceagent.audio.mix import LiveMix
from voiceagent.audio.pcm import level_db

NOISE = np.random.default_rng(1).normal(0, 0.1, (2, 16_000)).astype(np.float32)


def mixed(*channels):
    """Return the channels mixed in pieces."""
    mix, powers, pieces = LiveMix(), np.zeros(len(channels)), []
    for start in range(0, 16_000, 1600):
        piece = np.stack([channel[start : start + 1600] for channel in channels], axis=1)
        powers += np.einsum("ij,ij->j", piece, piece)
        pieces.append(mix(piece, powers))
    return np.concatenate(pieces)


@pytest.mark.parametrize(
    "channels",
    [
        (NOISE[0],),
        (NOISE[0], NOISE[0]),
        (NOISE[0], np.zeros_like(NOISE[0])),
        (NOISE[0], NOISE[1]),
        (NOISE[0], -0.9 * NOISE[0]),
    ],
    ids=["one", "the same", "one silent", "independent", "cancelling"],
)
def test_the_sum_is_as_loud_as_the_loudest(channels):
    assert level_db(mixed(*channels)) == pytest.approx(level_db(NOISE[0]), abs=0.5)


def test_of_channels_that_cancel_each_other_the_louder_is_taken():
    assert mixed(NOISE[0], -0.9 * NOISE[0]) == pytest.approx(NOISE[0])
