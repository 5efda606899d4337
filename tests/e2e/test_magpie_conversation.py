"""A whole conversation in which Magpie speaks, by configuration alone: real WebRTC, dummy weights."""

import asyncio
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_nemotron_conversation import murmur

from benchmarks.dummies.files import magpie_files
from benchmarks.served import serving
from voiceagent.testing.webrtc.caller import Caller

pytestmark = pytest.mark.nemo


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The settings of a tiny voice."""
    model, codec = magpie_files(folder=tmp_path_factory.mktemp("dummies"))
    return ["tts.engine=magpie", f"tts.model={model}", f"tts.codec={codec}", "tts.normalize=false"]


@pytest.fixture(scope="module")
def url(voice: list[str]) -> Iterator[str]:
    """The address of a server that speaks with it."""
    with serving("scripted.yaml", [*voice, "session.greeting=''"]) as address:
        yield address


def options(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def test_an_answer_is_spoken_to_its_end(url: str) -> None:
    async def main() -> str:
        async with Caller(url) as caller:
            said = await caller.say(murmur(2.0))
            await caller.until(lambda: caller.heard.onset(said.end), 90, "an answer")
            end = await caller.until(lambda: caller.last("agent.end"), 60, "the end of it")
            return str(end.payload["outcome"])

    assert asyncio.run(main()) == "completed"


def test_an_interruption_cuts_at_the_word_that_the_alignment_says_was_heard(url: str) -> None:
    async def main() -> tuple[int, int, int]:
        async with Caller(url) as caller:
            caller.send({"type": "text", "text": "Tell me a story."})
            await caller.until(lambda: caller.last("agent.word"), 90, "the first word")
            caller.send({"type": "interrupt"})
            end = await caller.until(lambda: caller.last("agent.end"), 90, "the end of it")
            assert end.payload["outcome"] == "interrupted"
            announced = sum(len(message.payload["words"]) for message in caller.since(0, "agent.segment"))
            return int(end.payload["heard_words"]), len(caller.since(0, "agent.word")), announced

    heard, shown, announced = asyncio.run(main())
    assert 1 <= heard < announced
    assert shown <= heard <= shown + 1, "what was lit up is what counts as heard"


def test_say_writes_a_file_at_the_codecs_rate(voice: list[str], tmp_path: Path) -> None:
    path = tmp_path / "hello.wav"
    command = [sys.executable, "-m", "voiceagent", "say", "Hello there.", "-o", str(path), "--voice", "aria"]
    subprocess.run([*command, *options(voice)], capture_output=True, check=True)
    with wave.open(str(path)) as written:
        assert written.getframerate() == 22_050
        samples = np.frombuffer(written.readframes(written.getnframes()), np.int16)
    assert np.abs(samples).max() > 300


def test_say_streams_to_a_pipe_and_refuses_an_unknown_voice(voice: list[str]) -> None:
    command = [sys.executable, "-m", "voiceagent", "say", "Hi.", "-o", "-", *options(voice)]
    piped = subprocess.run(command, capture_output=True, check=True)
    assert len(piped.stdout) % (2 * 1_024) == 0
    assert piped.stdout
    refused = subprocess.run([*command, "--voice", "nobody"], capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "john, sofia, aria, jason, leo" in refused.stderr
