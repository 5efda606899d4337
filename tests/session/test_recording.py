"""What a recorder is given of a conversation: both sides, on one clock, and nothing that was not heard."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from test_conversation import LONG_REPLY, REAL, outcomes, rehearse
from test_paced import paced

from voiceagent.audio.pacer import FRAME_S, LEAD_S
from voiceagent.audio.playout import Playout
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.session.recording import GAP_S, Recording
from voiceagent.session.reports import AgentPaused


class Tape:
    def __init__(self, fails=False):
        self.users, self.agents, self.closed = [], [], 0
        self.fails = fails

    def user(self, pcm, at):
        if self.fails:
            raise OSError("no space left on device")
        self.users.append((pcm, at))

    def agent(self, pcm, at):
        self.agents.append((pcm, at))

    def close(self):
        self.closed += 1


def sounding(pieces, rate):
    """Return when the sound in pieces begins and ends."""
    times = [at + index / rate for pcm, at in pieces for index in np.flatnonzero(np.abs(pcm) > 1e-3)]
    return min(times), max(times)


def overlaps(pieces, rate):
    return [
        (first, second) for (pcm, first), (_, second) in pairwise(pieces) if first + len(pcm) / rate > second + 1e-6
    ]


def test_both_sides_are_recorded_on_one_clock():
    async def scene(talk):
        tape = Tape()
        talk.session.listen_in(tape)
        begun = asyncio.get_running_loop().time()
        await talk.listens(1.0)
        await talk.speaks(3.0)
        await talk.listens(6.0)
        assert outcomes(talk) == ["completed"]
        rate = talk.session.playout.rate
        first, last = sounding(tape.users, SAMPLE_RATE)
        assert last - first == pytest.approx(3.0, abs=0.01)
        assert first - begun == pytest.approx(1.0 - FRAME_S, abs=0.01), "a frame is passed on when it has been heard"
        answered, _ = sounding(tape.agents, rate)
        assert answered == pytest.approx(talk.sounds[0].start, abs=0.03)
        waited = (answered - last) * 1000
        assert waited == pytest.approx(talk.turns[0].voice_to_voice_ms, abs=2 * FRAME_S * 1000)
        assert sum(len(pcm) for pcm, _ in tape.users) == round(10.0 * SAMPLE_RATE)
        assert not overlaps(tape.users, SAMPLE_RATE)
        assert not overlaps(tape.agents, rate)
        talk.hangs_up()
        talk.hangs_up()
        assert tape.closed == 1

    rehearse(scene)


def test_what_a_client_had_not_played_when_the_agent_fell_silent_is_not_on_the_tape():
    async def scene(talk, line, prompts):
        tape = Tape()
        talk.session.listen_in(tape)
        talk.session.type("hello")
        await line.hear(2.5)
        await line.hear(1.5, 0.3)
        await line.hear(0.5)
        (paused, *_) = [one.at for one in talk.reports if isinstance(one.report, AgentPaused)]
        rate = talk.session.playout.rate
        _, silent = sounding(tape.agents, rate)
        assert silent == pytest.approx(paused, abs=0.01)
        taped = sum(len(pcm) for pcm, _ in tape.agents) / rate
        assert line.sent * FRAME_S - taped == pytest.approx(LEAD_S, abs=0.03), "all but what was taken back"
        assert not overlaps(tape.agents, rate)

    paced(scene, asr=ScriptedAsr(["please wait a moment there"], **REAL))


def test_jitter_makes_no_holes_and_a_real_gap_stays_one():
    async def main():
        tape, playout = Tape(), Playout(8_000)
        recording = Recording(tape, playout, "s")
        loop, frame = asyncio.get_running_loop(), np.ones(320, np.float32)
        for late_s in (0.0, 0.03, 0.01, 0.05, 0.0):
            await asyncio.sleep(0.02)
            loop.call_later(late_s, recording.hear, frame)
        await asyncio.sleep(0.2)
        begins = [at for _, at in tape.users]
        assert [b - a for a, b in pairwise(begins)] == pytest.approx([0.02] * 4)
        await asyncio.sleep(1.0)
        recording.hear(frame)
        assert tape.users[-1][1] == pytest.approx(loop.time() - 0.02)
        assert tape.users[-1][1] - begins[-1] > 1.0 > GAP_S

    run_virtual(main())


def test_a_recorder_that_fails_ends_nothing_but_the_recording():
    async def scene(talk):
        tape, other = Tape(fails=True), Tape()
        talk.session.listen_in(tape)
        talk.session.listen_in(other)
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert outcomes(talk) == ["completed"]
        assert not tape.users
        assert not tape.agents, "nothing more is given to it"
        assert other.agents
        talk.hangs_up()
        talk.session.listen_in(Tape())
        assert (tape.closed, other.closed) == (0, 1)

    rehearse(scene, llm=ScriptedLlm(lambda messages: LONG_REPLY, **REAL))
