"""A package with an engine, in an environment of its own: wheel and sdist are built, installed, and serve."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpus import RATE
from benchmarks.served import running
from voiceagent.testing.webrtc.caller import Caller

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
WHEELS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voiceagent" / "wheels"

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(not UV.exists(), reason="needs uv, which `make` installs"),
]


def run(*arguments: object, cwd: Path) -> str:
    """Run a program outside the checkout; return what it printed."""
    away = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, env=away, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with voiceagent, from a wheel that was built from its sdist, and the plug-in."""
    folder = tmp_path_factory.mktemp("installed")
    run(UV, "build", "--out-dir", folder / "dist", ROOT, cwd=folder)
    assert len(list((folder / "dist").glob("voiceagent-*.tar.gz"))) == 1
    (wheel,) = (folder / "dist").glob("voiceagent-*.whl")
    run(UV, "venv", "--python", sys.executable, folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    pinned = ("--constraint", ROOT / "constraints.txt", "--find-links", WHEELS)
    run(UV, "pip", "install", "--python", python, *pinned, wheel, ROOT / "examples" / "plugin", cwd=folder)
    return folder


@pytest.mark.thorough
def test_what_is_installed_serves_outside_a_checkout_with_the_plugged_in_voice(installed: Path) -> None:
    async def talk(url: str) -> np.ndarray:
        async with Caller(url) as caller:
            await caller.until(lambda: caller.last("agent.end"), 60, "the greeting to end")
            return caller.heard.pcm(0.0)

    program = installed / "env" / "bin" / "voiceagent"
    sets = ("tts.engine=morse", "tts.words_per_minute=40", "tts.pitch_hz=700", "session.greeting=SOS.")
    options = [word for one in sets for word in ("--set", one)]
    with running([str(program), "serve", "--config", "scripted.yaml", *options]) as (url, _):
        pcm = asyncio.run(talk(url))
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    pitch_hz = float(np.argmax(spectrum) * RATE / len(pcm))
    assert pitch_hz == pytest.approx(700, abs=20)


@pytest.mark.thorough
def test_its_settings_are_among_the_others_and_its_mistakes_are_told(installed: Path) -> None:
    program = installed / "env" / "bin" / "voiceagent"
    shown = run(program, "config", "--show", "--set", "tts.engine=morse", cwd=installed)
    assert "words_per_minute: 30" in shown
    wrong = subprocess.run(
        [program, "config", "--set", "tts.engine=morse", "--set", "tts.words_per_minute=90"],
        cwd=installed,
        capture_output=True,
        text=True,
    )
    assert "tts.words_per_minute: should be a whole number, at least 5, at most 60, but is 90" in wrong.stderr


def test_it_keeps_the_contract() -> None:
    from voiceagent_morse.spec import SPEC

    from voiceagent.testing.engine_contract import check_engine

    check_engine(SPEC)
