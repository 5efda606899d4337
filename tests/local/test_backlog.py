"""What was heard and not yet taken: after a gap in what is played, the microphone would be late for good."""

import pytest
from test_local_door import talk

from voiceagent.local.backlog import SURE_BLOCKS, Backlog

USUAL_S = 0.02


@pytest.mark.parametrize("gap_s", [0.1, 0.5, 5.0])
def test_blocks_that_stay_too_old_are_noticed_once(gap_s):
    backlog = Backlog()
    assert not any(backlog.is_late(USUAL_S + 0.02 * (at % 2)) for at in range(500))
    late = [backlog.is_late(USUAL_S + gap_s) for _ in range(500)]
    assert late.index(True) < SURE_BLOCKS
    assert late.count(True) == 1


def test_blocks_that_waited_and_come_at_once_are_no_backlog():
    backlog = Backlog()
    for _ in range(20):
        assert not any(backlog.is_late(USUAL_S) for _ in range(100))
        assert not any(backlog.is_late(USUAL_S + age / 100) for age in range(SURE_BLOCKS, 0, -1))


def test_a_device_that_says_nothing_of_time_is_left_alone():
    backlog = Backlog()
    assert not any(backlog.is_late(0.0) for _ in range(1000))


async def test_a_device_whose_microphone_is_late_begins_again():
    async with talk() as here:
        await here.tick(100)
        assert here.devices.now.restarts == 0
        here.devices.now.age_s = 0.6
        await here.until(lambda: here.devices.now.restarts)
        here.devices.now.age_s = USUAL_S
        await here.tick(200)
        assert here.devices.now.restarts == 1
        assert len(here.devices.opened) == 1
