"""The agent's track: whole frames, whatever rate the voice has."""

import numpy as np
import pytest

from voiceagent.audio.pcm import Pcm
from voiceagent.doors.webrtc.outbound import AgentTrack

PITCH_HZ = 440


@pytest.mark.parametrize("rate", [22_050, 24_000, 44_100])
def test_every_frame_is_whole_and_there_are_no_seams_between_them(rate: int) -> None:
    pulled = 0

    def pull() -> Pcm:
        nonlocal pulled
        at = np.arange(pulled, pulled + rate // 50)
        pulled += rate // 50
        return (0.5 * np.sin(2 * np.pi * PITCH_HZ / rate * at)).astype(np.float32)

    track = AgentTrack(pull, rate)
    frames = [track._next() for _ in range(50)]
    sent = 24_000 if rate == 24_000 else 48_000
    assert {len(frame) for frame in frames} == {sent // 50}
    assert pulled == 50 * (rate // 50)
    steady = np.concatenate(frames)[sent // 50 :]
    steepest = 0.5 * 2 * np.pi * PITCH_HZ / sent
    assert np.abs(np.diff(steady)).max() < 1.05 * steepest
