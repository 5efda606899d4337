"""serve, say and transcribe as a user meets them, with scripted engines."""

import socket
import subprocess
import sys
import wave

import numpy as np
import pytest
from in_process import run

from voiceagent.audio.files import write_wav

SCRIPTED = ("--config", "scripted.yaml")


def test_say_writes_a_wav_file(tmp_path):
    command = [sys.executable, "-m", "voiceagent", "say", "Hello there. How are you?", *SCRIPTED]
    subprocess.run([*command, "-o", str(tmp_path / "out.wav")], check=True)
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() == pytest.approx(24_000 * (5 * 0.3 + 0.25), abs=2_000)


def test_say_refuses_a_text_without_a_word(tmp_path):
    done = run("say", "***", "-o", str(tmp_path / "out.wav"), *SCRIPTED)
    assert done.exit_code == 1
    assert "nothing to speak" in done.stderr
    assert not (tmp_path / "out.wav").exists()


def test_say_into_a_folder_that_is_not_there_says_so(tmp_path):
    done = run("say", "Hello.", "-o", str(tmp_path / "nowhere" / "out.wav"), *SCRIPTED)
    assert done.exit_code == 1
    assert "nowhere" in done.stderr


def test_transcribe_prints_a_line_a_file_and_goes_on_after_a_bad_one(tmp_path):
    tone = 0.3 * np.sin(np.arange(32_000) * 0.06).astype(np.float32)
    for name in ("one.wav", "two.wav"):
        write_wav(tmp_path / name, tone, 16_000)
    (tmp_path / "broken.wav").write_bytes(b"RIFF but not much more")
    files = [str(tmp_path / name) for name in ("one.wav", "broken.wav", "two.wav")]
    done = run("transcribe", *files, *SCRIPTED)
    assert done.exit_code == 1
    assert [line.split(":")[0].endswith(("one.wav", "two.wav")) for line in done.stdout.splitlines()] == [True, True]
    assert "broken.wav" in done.stderr


def test_times_of_words_that_an_engine_does_not_tell_are_refused(tmp_path):
    write_wav(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(32_000) * 0.06).astype(np.float32), 16_000)
    done = run("transcribe", str(tmp_path / "tone.wav"), "--words", *SCRIPTED)
    assert done.exit_code == 1
    assert "asr.engine=nemotron" in done.stderr


def test_a_port_in_use_is_noticed_before_anything_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", *SCRIPTED, "--set", f"server.port={taken.getsockname()[1]}")
    assert done.exit_code == 1
    assert "in use" in done.stderr
    assert "--set server.port=" in done.stderr
    assert "engine ready" not in done.stderr


def test_missing_model_files_name_the_command_that_fetches_them(tmp_path):
    done = run("serve", "--set", f"weights.dir={tmp_path}", "--set", "server.port=0")
    assert done.exit_code == 1
    assert "voiceagent weights pull" in done.stderr


@pytest.mark.parametrize("setting", ["llm.model=absent.gguf", "tts.voice=nobody"])
def test_a_model_that_cannot_be_loaded_ends_the_server_with_a_reason(setting):
    other = {"llm": "tts.engine=scripted", "tts": "llm.engine=scripted"}[setting[:3]]
    sets = [setting, other, f"{setting[:3]}.engine={'llama' if setting[:3] == 'llm' else 'hibari'}", "server.port=0"]
    command = [sys.executable, "-m", "voiceagent", "serve", *SCRIPTED]
    done = subprocess.run([*command, *(f"--set={item}" for item in sets)], capture_output=True, text=True)
    assert done.returncode == 1
    assert setting.split("=")[1] in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cap_on_sessions_is_the_setting_it_stands_for():
    done = run("serve", "--max-sessions", "0", *SCRIPTED)
    assert done.exit_code == 1
    assert "server.max_sessions: should be a whole number, at least 1" in done.stderr
