"""What waits for the loudspeaker, and when it is heard."""

import numpy as np
import pytest

from voiceagent.local.mouth import AHEAD, Mouth


def make_mouth(rate=48_000, lead_s=0.04):
    cleared = []
    mouth = Mouth(24_000, rate, lead_s, lambda: cleared.append(True))
    return mouth, cleared


def test_it_holds_four_blocks_and_all_of_them_are_yet_to_be_heard():
    mouth, _ = make_mouth()
    mouth.fill(lambda: np.full(480, 0.5, np.float32))
    assert 0.01 * AHEAD + 0.04 <= mouth.unplayed_s < 0.01 * AHEAD + 0.04 + 0.02
    before = mouth.unplayed_s
    assert len(mouth.take(480)) == 480
    assert mouth.unplayed_s == pytest.approx(before - 0.01)


def test_what_is_cleared_fades_out_within_a_block_and_there_is_room_at_once():
    mouth, cleared = make_mouth()
    mouth.fill(lambda: np.full(480, 0.5, np.float32))
    mouth.take(480)
    mouth.clear()
    last = mouth.take(480)
    assert abs(last[0]) > 0.4
    assert abs(last[-1]) < 0.01
    assert np.abs(np.diff(last)).max() < 0.01
    assert cleared == [True]
    assert not mouth.take(480).any()
    assert mouth.starved == 1


def test_nothing_is_starved_before_it_was_filled_for_the_first_time():
    mouth, _ = make_mouth()
    assert not mouth.take(480).any()
    assert mouth.starved == 0


def test_the_lead_is_the_middle_of_what_the_device_says_and_nonsense_is_not_believed():
    mouth, _ = make_mouth()
    for lead_s in (0.03, 0.2, 0.05, 0.05, -1.0, 7.0, 0.0):
        mouth.note_lead(lead_s)
    assert mouth.lead_s == 0.05  # of 0.04, 0.03, 0.2, 0.05, 0.05
