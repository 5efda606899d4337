"""Acoustic echo cancellation: the microphone without what the loudspeaker says, 10 ms at a time.

Three stages. A linear filter (`linear.py`) keeps the words of a person who talks over the agent, once it knows the
room; where it does not help (two clocks, a delay beyond its tail) it is passed by. WebRTC's AEC3 is quiet from the
first second on, and bears drift and jumps. A gate silences what is left while the agent sounds and nobody speaks.
Noise suppression and automatic gain stay off: they were measured to cost words (docs/local.md).
"""

from enum import StrEnum

import numpy as np
from pywebrtc_audio import AudioProcessor

from voiceagent.audio.pcm import SILENCE_DB, Pcm, level_db
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.local.linear import BLOCK, LinearFilter

SOUNDS_DB = -60.0
"""What is played above this can be heard."""
RINGING_BLOCKS = 40
"""10 ms each: a room still sounds so long after the loudspeaker's last sample was given to the device."""
GATE_DB = -45.0
"""While the agent sounds, what is quieter is the rest of an echo, not a person."""
GATED = np.float32(0.03)
HELPS_DB = 3.0
"""The linear filter is used from where it takes away more than this."""
RIGHT = 0.5
"""And until less than this share of what it predicts is found in the microphone: however loud a person speaks, of a
right prediction all is found, and of one for another delay nothing."""
SMOOTH, QUICKLY = 0.98, 0.95
"""Of powers, over 10 ms: half a second, and a fifth."""
LEARNT_DB = 15.0
"""From here on the agent does not interrupt itself."""
RELEARNS_BLOCKS = 100
"""10 ms each, of sound: after a gap in what was played the echo may come at another time, and AEC3 needs a second for
it."""
AUDIBLE_ECHO_DB = -55.0
"""An echo below this needs no canceller."""


class EchoState(StrEnum):
    """What the canceller is doing."""

    OFF = "off"
    IDLE = "idle"
    """Nothing has been played yet."""
    LEARNING = "learning"
    READY = "ready"


class EchoCanceller:
    """One microphone and one loudspeaker: blocks of 160 samples at 16 kHz, in pairs."""

    def __init__(self, *, linear: bool = True) -> None:
        self._linear = LinearFilter() if linear else None
        self._rest = AudioProcessor(sample_rate=SAMPLE_RATE, echo_cancellation=True)
        self._ringing = self._relearning = 0
        self._near = self._left = self._clean = 0.0  # powers while the agent sounds, smoothed
        self._echo = self._found = 0.0  # of the predicted echo, and of what of it is in the microphone
        self._helps = False

    @property
    def erle_db(self) -> float | None:
        """Echo return loss enhancement: by how much the microphone is quieter behind it. None before a sound."""
        return _db(self._near) - _db(self._clean) if self._near else None

    @property
    def echo_db(self) -> float:
        """How loud the microphone is while the agent sounds."""
        return _db(self._near)

    @property
    def state(self) -> EchoState:
        """Whether it knows the room."""
        if (erle_db := self.erle_db) is None:
            return EchoState.IDLE
        known = erle_db >= LEARNT_DB or self.echo_db < AUDIBLE_ECHO_DB
        return EchoState.READY if known and not self._relearning else EchoState.LEARNING

    @property
    def rings(self) -> bool:
        """Whether the agent sounds in the room."""
        return self._ringing > 0

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """Return what was heard (`near`) without what was played meanwhile (`far`)."""
        left = near if self._linear is None else self._linear.process(near, far)
        clean: Pcm = self._rest.process(left if self._helps else near, far)
        self._ringing = RINGING_BLOCKS if level_db(far) > SOUNDS_DB else max(0, self._ringing - 1)
        if self.rings:
            self._relearning = max(0, self._relearning - 1)
            self._measure(near, left, clean)
        return clean

    def gate(self, clean: Pcm) -> Pcm:
        """Return what `process` returned, or next to nothing where it is, or may be, the rest of an echo."""
        doubtful = self.rings and (self._relearning or level_db(clean) < GATE_DB)
        return clean * GATED if doubtful else clean

    def disturb(self) -> None:
        """What is played and what is heard may have moved against each other."""
        self._relearning = RELEARNS_BLOCKS
        if self._linear is not None:
            self._linear.doubt()

    def _measure(self, near: Pcm, left: Pcm, clean: Pcm) -> None:
        echo = near - left
        self._near = _smoothed(self._near, near, near)
        self._left = _smoothed(self._left, left, left)
        self._clean = _smoothed(self._clean, clean, clean)
        self._echo = _smoothed(self._echo, echo, echo, QUICKLY)
        self._found = _smoothed(self._found, near, echo, QUICKLY)
        if not self._helps:
            self._helps = _db(self._near) - _db(self._left) > HELPS_DB
        elif self._found < RIGHT * self._echo:
            self._helps = False
            self.disturb()


def _smoothed(power: float, one: Pcm, other: Pcm, smooth: float = SMOOTH) -> float:
    return smooth * power + (1 - smooth) * float(np.dot(one, other)) / BLOCK


def _db(power: float) -> float:
    return max(SILENCE_DB, 10 * float(np.log10(power))) if power > 0 else SILENCE_DB
