"""A dead line is noticed within a second, and what it lost is said again; a sender who pauses is no dead line."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from voiceagent.doors.webrtc.line import DEAD_S, REWIND_S, Line
from voiceagent.testing import run_virtual

SPEECH = np.ones(480, np.float32)


class Told:
    """A session whose playout is told to rewind, and which always speaks."""

    def __init__(self):
        self.rewound = []
        self.pulled = 0
        self.playout = SimpleNamespace(frame_samples=480, rewind=self.rewound.append)

    def pull(self):
        self.pulled += 1
        return SPEECH


def on_a_line(scene):
    async def main():
        await scene(Line(), Told())

    run_virtual(main())


async def passes(line, session, seconds, *, packets=True, signs=(), every_s=0.02):
    """Let time pass, in which frames are pulled and packets come; return how many frames were silent."""
    silent = 0
    for tick in range(round(seconds / 0.02)):
        await asyncio.sleep(0.02)
        if packets and tick % round(every_s / 0.02) == 0:
            line.note_packet()
        if any(abs(tick * 0.02 - at) < 0.01 for at in signs):
            line.note_sign()
        silent += not line.pull(session).any()
    return silent


def test_the_agent_waits_while_nothing_comes_and_goes_on_before_where_it_was():
    async def scene(line, session):
        assert await passes(line, session, 5.0) == 0
        silent = await passes(line, session, 3.0, packets=False)
        assert silent * 0.02 == pytest.approx(3.0 - DEAD_S, abs=0.05)
        assert session.rewound == []
        assert await passes(line, session, 2.0) == 0
        assert session.rewound == [REWIND_S]

    on_a_line(scene)


def test_a_short_stall_of_the_network_is_none():
    async def scene(line, session):
        for _ in range(20):
            assert await passes(line, session, 2.0) == 0
            assert await passes(line, session, DEAD_S - 0.1, packets=False) == 0
        assert session.rewound == []

    on_a_line(scene)


def test_a_sender_that_saves_on_silence_is_not_taken_for_dead():
    async def scene(line, session):
        assert await passes(line, session, 60.0, every_s=0.4) == 0
        assert await passes(line, session, 60.0, packets=False) == 0

    on_a_line(scene)


def test_a_microphone_that_is_unplugged_makes_the_agent_pause_once_at_most():
    async def scene(line, session):
        await passes(line, session, 5.0)
        silent = await passes(line, session, 30.0, packets=False, signs=[0.9 + number for number in range(30)])
        assert silent * 0.02 < 0.5
        assert len(session.rewound) <= 1

    on_a_line(scene)


def test_a_line_that_is_dead_again_is_noticed_again():
    async def scene(line, session):
        for _ in range(3):
            await passes(line, session, 3.0)
            assert await passes(line, session, 2.0, packets=False) > 50
        await passes(line, session, 1.0)
        assert session.rewound == [REWIND_S] * 3

    on_a_line(scene)
