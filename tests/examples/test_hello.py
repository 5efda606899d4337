"""The example of the README, as it is written: people talk to it."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from benchmarks import corpus
from benchmarks.served import running
from voiceagent.testing.webrtc.caller import Caller

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "examples" / "hello.py"
SCRIPTED = {f"VOICEAGENT_{kind}__ENGINE": "scripted" for kind in ("ASR", "LLM", "TTS", "VAD", "TURN")}


def code(text: str) -> str:
    """Return a program without its docstring and its comments."""
    return re.sub(r" *#.*", "", text.partition('"""\n\n')[2] or text).strip()


@pytest.mark.realtime
def test_it_runs_on_scripts_and_prints_a_turn() -> None:
    async def talk(url: str) -> None:
        async with Caller(url) as caller:
            await caller.until(lambda: caller.last("agent.end"), 90, "the greeting to end")
            caller.send({"type": "text", "text": "hello there"})
            await caller.until(lambda: len(caller.since(0, "agent.end")) > 1 or None, 90, "an answer")

    with running([sys.executable, str(HELLO)], environment=SCRIPTED) as (url, said):
        asyncio.run(talk(url))
        assert "hello there -> You said: hello there. That was turn 1. None" in said()


@pytest.mark.thorough
@pytest.mark.models
@pytest.mark.realtime
def test_it_runs_on_the_embedded_models_and_prints_what_was_said_and_how_long_it_took() -> None:
    (clip,) = corpus.questions(1, 4.0)

    async def talk(url: str) -> None:
        async with Caller(url) as caller:
            await caller.until(lambda: caller.last("agent.end"), 60, "the greeting to end")
            await caller.say(clip.pcm)
            await caller.until(lambda: len(caller.since(0, "agent.end")) > 1 or None, 60, "an answer")

    with running([sys.executable, str(HELLO)]) as (url, said):
        asyncio.run(talk(url))
        assert re.search(r"^\S.* -> \S.* \d+\.\d+$", said(), re.MULTILINE), said()


def test_the_readme_shows_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "agent.serve()" in block]
    assert [code(block) for block in shown] == [code(HELLO.read_text(encoding="utf-8"))]
