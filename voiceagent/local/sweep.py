"""A short sweep from the loudspeaker to the microphone: how late and how loud it arrives."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voiceagent.audio.pcm import Pcm, fade_in, fade_out, level_db
from voiceagent.local.device import Block, Gone, Heard, Play, Sound
from voiceagent.local.portaudio import Choice, DeviceError

LOWEST_HZ, HIGHEST_HZ = 300.0, 3_600.0
"""What every loudspeaker plays, at 8 kHz too."""
SWEEP_S, BEFORE_S, AFTER_S = 0.6, 0.4, 1.0
"""How long it is, and how long is listened before and after it: Bluetooth is 0.3 s late."""
LEVEL_DB = -20.0
"""As loud as the agent speaks."""
AGENT_DB, PERSON_DB = -20.0, -26.0
"""RMS of the agent's voice as it is played, and of a person's as a microphone hears it."""
TOO_LOUD_DB = 10.0
"""By how much an echo may be louder than a person who is to be heard through it (measured: docs/local.md)."""
LATEST_S = 0.3
"""An echo that comes later is not cancelled well."""
FOUND_DB = 6.0
"""How far above the noise it has to be, to be found at all."""


@dataclass(frozen=True, slots=True)
class EchoPath:
    """The way from the loudspeaker to the microphone."""

    delay_s: float | None
    """The device's latency both ways, and the air's; None where nothing came back."""
    loss_db: float | None
    """How much quieter it came back."""
    noise_db: float
    """How loud the room was before."""

    @property
    def interruptible(self) -> bool:
        """Whether the agent can be interrupted, and does not interrupt itself, without a headset."""
        if self.delay_s is None or self.loss_db is None:
            return True
        return self.delay_s <= LATEST_S and AGENT_DB - self.loss_db <= PERSON_DB + TOO_LOUD_DB


def make_sweep(rate: int) -> Pcm:
    """Return a sweep whose pitch rises evenly in octaves."""
    time_s = np.arange(round(rate * SWEEP_S)) / rate
    octaves = np.log(HIGHEST_HZ / LOWEST_HZ)
    phase = 2 * np.pi * LOWEST_HZ * SWEEP_S / octaves * (np.exp(time_s / SWEEP_S * octaves) - 1)
    tone = (np.sin(phase) * np.sqrt(2) * 10 ** (LEVEL_DB / 20)).astype(np.float32)
    return fade_out(fade_in(tone, rate, 10.0), rate, 10.0)


def path_of(sweep: Pcm, heard: Pcm, played_at: int, rate: int) -> EchoPath:
    """Find a sweep, played at a sample, in what was heard meanwhile."""
    noise_db = level_db(heard[:played_at])
    after = heard[played_at:]
    size = 1 << (len(after) + len(sweep)).bit_length()
    found = np.fft.irfft(np.fft.rfft(after, size) * np.conj(np.fft.rfft(sweep, size)), size)
    at = int(np.argmax(np.abs(found[: max(1, len(after) - len(sweep))])))
    came_db = level_db(after[at : at + len(sweep)])
    if came_db < noise_db + FOUND_DB:
        return EchoPath(None, None, noise_db)
    return EchoPath(at / rate, level_db(sweep) - came_db, noise_db)


def measure(open_device: Callable[[Choice, Play, Heard, Gone], Sound], choice: Choice) -> tuple[Sound, EchoPath]:
    """Play the sweep and listen; return the device, which is closed, and the path. Raises DeviceError."""
    blocks: list[Block] = []
    waiting: list[Pcm] = []
    done = threading.Event()
    count = [0]

    def play(samples: int) -> Pcm:
        return waiting.pop(0) if waiting else np.zeros(samples, np.float32)

    def heard(block: Block) -> None:
        blocks.append(block)
        if count[0] and len(blocks) >= count[0]:
            done.set()

    sound = open_device(choice, play, heard, done.set)
    try:
        block = sound.rate // 100
        sweep = make_sweep(sound.rate)
        padded = np.pad(sweep, (round(BEFORE_S * sound.rate), round(AFTER_S * sound.rate)))
        pieces = list(padded[: len(padded) // block * block].reshape(-1, block))
        count[0] = len(blocks) + len(pieces)
        waiting.extend(pieces)
        done.wait(len(pieces) / 100 + 2.0)
    finally:
        sound.close()
    if not count[0] or len(blocks) < count[0]:
        raise DeviceError("The device stopped amid the sweep: plug it in again, or choose another.")
    far = np.concatenate([block.far for block in blocks])
    near = np.concatenate([block.near for block in blocks])
    begin = int(np.flatnonzero(far)[0])
    return sound, path_of(sweep, near, begin, sound.rate)
