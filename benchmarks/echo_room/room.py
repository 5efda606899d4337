"""The room between the sound server's `speaker` and `microphone`, in real time: an echo, a person, a little noise.

A program of its own, `python -m benchmarks.echo_room.room`, told on its standard input what the person does: a line of
JSON, {"say": FILE}, of samples as `numpy.save` writes them, at 48 kHz and as loud as they are. It answers with a line
when the first sample is in the air, {"said": FILE, "block": N}, and at the end writes how loud the loudspeaker was in
every block of 10 ms: {"speaker_db": [...], "dropped": [...]}. Some blocks are under way in it, so that its own delay is
about 80 ms; the device's comes on top.
"""

import argparse
import fcntl
import json
import os
import subprocess
import sys
import termios
import threading
import time
from array import array
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

import numpy as np

from benchmarks.echo_room.acoustics import impulse_response
from voiceagent.audio.pcm import Pcm, level_db

RATE, BLOCK = 48_000, 480
FORM = ("--raw", f"--rate={RATE}", "--channels=1", "--format=float32le")
BEHIND = 4
"""Blocks that wait to be heard: the machine was too busy for a room. They are dropped, since no air gets longer."""


class Room:
    """Speaker in, microphone out, a block at a time."""

    def __init__(self, delay_ms: float, echo_db: float, noise_db: float) -> None:
        response = impulse_response(RATE, rt60_s=0.25) * np.float32(10 ** (echo_db / 20))
        response = np.concatenate((np.zeros(int(delay_ms * RATE / 1000), np.float32), response))
        self._size = 1 << (len(response) + BLOCK).bit_length()
        self._spectrum = np.fft.rfft(response, self._size)
        self._overlap = np.zeros(self._size, np.float32)
        self._noise = np.random.default_rng(3).standard_normal(RATE).astype(np.float32) * 10 ** (noise_db / 20)
        self._noise_at = 0

    def hear(self, speaker: Pcm, person: Pcm) -> Pcm:
        """Return what the microphone hears."""
        self._overlap[:-BLOCK] = self._overlap[BLOCK:].copy()
        self._overlap[-BLOCK:] = 0
        self._overlap += np.fft.irfft(np.fft.rfft(speaker, self._size) * self._spectrum, self._size).astype(np.float32)
        noise = self._noise[self._noise_at : self._noise_at + BLOCK]
        self._noise_at = (self._noise_at + BLOCK) % len(self._noise)
        microphone: Pcm = np.clip(self._overlap[:BLOCK] + person + noise, -1, 1).astype(np.float32)
        return microphone


class Person:
    """Says files, one after the other. They are read beside the sound, which waits for nothing."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[str, Pcm] | None] = SimpleQueue()
        self._saying = np.zeros(0, np.float32)
        threading.Thread(target=self._listen, daemon=True).start()

    def block(self, number: int) -> Pcm:
        """Return the next 10 ms. Raises EOFError when nobody is there any more."""
        if not len(self._saying):
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return np.zeros(BLOCK, np.float32)
            if asked is None:
                raise EOFError
            name, self._saying = asked
            print(json.dumps({"said": name, "block": number, "at": time.monotonic()}), flush=True)
        said, self._saying = self._saying[:BLOCK], self._saying[BLOCK:]
        return np.pad(said, (0, BLOCK - len(said)))

    def _listen(self) -> None:
        for line in sys.stdin:
            name = json.loads(line)["say"]
            self._asked.put((name, np.load(name)))
        self._asked.put(None)


def read(pipe: IO[bytes], count: int) -> bytes:
    """Read exactly that many bytes, unbuffered; none at the end."""
    data = b""
    while len(data) < count and (more := pipe.read(count - len(data))):
        data += more
    return data if len(data) == count else b""


def waiting(pipe: IO[bytes]) -> int:
    """Return how many bytes can be read at once."""
    count = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def main() -> None:
    """Be the room until the standard input ends."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.echo_room.room", description=__doc__)
    line.add_argument("--delay-ms", type=float, default=20)
    line.add_argument("--echo-db", type=float, default=-6, help="gain from loudspeaker to microphone")
    line.add_argument("--noise-db", type=float, default=-66)
    line.add_argument("--levels", type=Path, required=True, help="the file for how loud every block was")
    options = line.parse_args()
    room, person = Room(options.delay_ms, options.echo_db, options.noise_db), Person()
    ear = subprocess.Popen(
        ["parec", "-d", "speaker.monitor", "--latency-msec=10", *FORM], stdout=subprocess.PIPE, bufsize=0
    )
    mouth = subprocess.Popen(["pacat", "-d", "air", "--latency-msec=60", *FORM], stdin=subprocess.PIPE)
    assert ear.stdout
    assert mouth.stdin
    speaker_db: list[float] = []
    dropped: list[int] = []
    try:
        while data := read(ear.stdout, BLOCK * 4):
            speaker = np.frombuffer(data, np.float32)
            if waiting(ear.stdout) > BEHIND * BLOCK * 4:
                dropped.append(len(speaker_db))
                speaker_db.append(round(level_db(speaker), 1))
                continue
            try:
                said = person.block(len(speaker_db))
            except EOFError:
                break
            mouth.stdin.write(room.hear(speaker, said).tobytes())
            mouth.stdin.flush()
            if not speaker_db:
                print(json.dumps({"ready": True}), flush=True)
            speaker_db.append(round(level_db(speaker), 1))
    finally:
        for one in (ear, mouth):
            one.terminate()
            one.wait()
        options.levels.write_text(json.dumps({"speaker_db": speaker_db, "dropped": dropped}))
        sys.stdout.flush()
        os._exit(0)  # a thread may still wait for a line


if __name__ == "__main__":
    main()
