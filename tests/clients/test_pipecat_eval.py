"""Scenarios of `pipecat eval`, run by it against the server: RTVI over a WebSocket.

`python -m pipecat.evals` is the same program; `pipecat` itself needs packages of 100 MB for other commands.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from programs import HERE, python_of

from benchmarks.corpus import CorpusError, questions
from benchmarks.served import serving
from voiceagent.audio.files import read_audio, write_wav
from voiceagent.audio.pcm import level_db
from voiceagent.cli.transcribe import transcribe
from voiceagent.text import word_error_rate

pytestmark = pytest.mark.clients

SETS = ("session.greeting=", "session.idle_s=0", "llm.temperature=0")
VOICE = np.tile(0.3 * np.sin(2 * np.pi * 150 * np.arange(160) / 16_000), 200).astype(np.float32)  # two seconds


def evaluate(url, scenarios, folder, voice=VOICE, rate=16_000):
    """Run a file of scenarios, whose user says `voice`; return the exit status and the output."""
    shutil.copytree(HERE / "scenarios", folder / "scenarios")
    write_wav(folder / "scenarios" / "voice.wav", voice, rate)
    ran = subprocess.run(
        [
            *(str(python_of("clients")), "-m", "pipecat.evals", "run", str(folder / "scenarios" / scenarios)),
            *("--bot-url", f"{url.replace('http', 'ws')}/ws", "--logs-dir", str(folder), "--verbose"),
            *("--audio", "--record-dir", str(folder)),
        ],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    return ran.returncode, ran.stdout + ran.stderr


def said(folder, scenario, event):
    """Return the texts of a scenario's events."""
    log = (folder / f"{scenario}.eval.log").read_text()
    return [text for _, text in re.findall(rf"event: {event}  (['\"])(.*)\1", log)]


def recording(folder, scenario):
    return next(Path(folder).rglob(f"*{scenario}*.wav"))


def test_scenarios_pass_with_scripted_engines_and_a_wrong_one_fails(tmp_path):
    with serving("scripted.yaml", SETS) as url:
        status, output = evaluate(url, "scripted.yaml", tmp_path / "right")
        assert status == 0, output
        assert "4/4 passed" in output
        assert level_db(read_audio(recording(tmp_path / "right", "interrupted"))) > -40
        status, output = evaluate(url, "wrong.yaml", tmp_path / "wrong")
        assert status == 1
        assert "0/1 passed" in output


@pytest.mark.models
def test_scenarios_pass_with_real_models(tmp_path):
    try:
        (clip,) = questions(1)
    except CorpusError as error:
        pytest.skip(str(error))
    with serving("cpu.yaml", SETS) as url:
        status, output = evaluate(url, "models.yaml", tmp_path, clip.pcm)
        assert status == 0, output
    (question,) = said(tmp_path, "models__spoken", "user_transcription")
    errors, count = word_error_rate(clip.text, question)
    assert errors <= 0.2 * count, question
    (answer,) = said(tmp_path, "models__spoken", "llm_response")
    written = CliRunner().invoke(transcribe, [str(recording(tmp_path, "spoken"))]).output
    errors, count = word_error_rate(f"{clip.text} {answer}", written)
    assert errors <= max(3, 0.4 * count), (answer, written)
