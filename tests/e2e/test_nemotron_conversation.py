"""A whole conversation with Nemotron Speech for ears, by configuration alone: real WebRTC, dummy weights."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.dummies.files import nemotron_file
from benchmarks.served import ServedError, serving
from voiceagent.audio.files import write_wav
from voiceagent.testing.webrtc.caller import Caller

pytestmark = pytest.mark.nemo


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The settings of a tiny recogniser."""
    return ["asr.engine=nemotron", f"asr.model={nemotron_file(folder=tmp_path_factory.mktemp('dummies'))}"]


def murmur(seconds: float) -> NDArray[np.float32]:
    """Something voiced whose pitch and loudness wander: random weights take it for words."""
    random = np.random.default_rng(3)
    at = np.arange(int(seconds * 16_000)) / 16_000
    pitch = np.interp(at, np.linspace(0, seconds, 20), random.uniform(100, 900, 20))
    volume = np.interp(at, np.linspace(0, seconds, 30), random.random(30)) ** 2 + 0.1
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / 16_000)
    return (0.3 * volume * (tone + 0.3 * random.standard_normal(len(at)))).astype(np.float32)


def test_what_is_said_is_heard_shown_and_answered(ears: list[str]) -> None:
    async def main(url: str) -> tuple[list[str], list[str], str]:
        async with Caller(url) as caller:
            said = await caller.say(murmur(3.0))
            await caller.until(lambda: caller.last("user.final"), 90, "a transcript")
            await caller.until(lambda: caller.heard.onset(said.end), 90, "an answer")
            end = await caller.until(lambda: caller.last("agent.end"), 90, "the end of it")
            partials = [str(message.payload["text"]) for message in caller.since(0, "user.partial")]
            finals = [str(message.payload["text"]) for message in caller.since(0, "user.final")]
            return partials, finals, str(end.payload["outcome"])

    with serving("scripted.yaml", [*ears, "session.greeting=''"]) as url:
        partials, finals, outcome = asyncio.run(main(url))
    assert len(finals[-1]) > 10
    assert partials
    assert all(finals[-1].startswith(text) for text in partials)
    assert outcome == "completed"


def test_a_file_is_written_down_with_the_times_of_its_words(ears: list[str], tmp_path: Path) -> None:
    path = tmp_path / "murmur.wav"
    write_wav(path, murmur(3.0), 16_000)
    sets = [part for setting in ears for part in ("--set", setting)]
    command = [sys.executable, "-m", "voiceagent", "transcribe", str(path), "--words", *sets]
    text, *words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    starts = [float(line.split()[0]) for line in words]
    assert " ".join(line.split()[2] for line in words) == text
    assert starts == sorted(starts)
    assert 0 <= starts[0] < starts[-1] < 3.5


def test_a_look_ahead_no_model_has_is_refused_before_anything_is_loaded() -> None:
    wrong = serving("scripted.yaml", ["asr.engine=nemotron", "asr.right_context=2"])
    with pytest.raises(ServedError, match=r"right_context.*0, 1, 6"), wrong:
        pass
