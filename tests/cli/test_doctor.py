"""`voiceagent doctor` on machines that are well, that lack something, and that are strange."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from certificates import write_pair
from click.testing import CliRunner, Result

from voiceagent.app.capacity import memory_plan
from voiceagent.app.doctor import machine, report
from voiceagent.cli.main import cli
from voiceagent.engines.llm.llama import spec as llama
from voiceagent.engines.machine import Gpu
from voiceagent.engines.nemo import spec as nemo

SCRIPTED = ("--config", "scripted.yaml", "--set", "server.port=0")
TOKEN = "a-token-of-the-tests"
CARD = Gpu("NVIDIA GeForce RTX 5090", "580.65", "12.0", 32 << 30, 31 << 30)


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments], prog_name="voiceagent")


def findings(*arguments: str) -> dict[str, list[dict[str, Any]]]:
    """Return what it found, by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(doctor(*arguments, "--json").stdout)["findings"]:
        found.setdefault(finding["check"], []).append(finding)
    return found


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    """The machine's GPUs; none unless a test adds some."""
    there: list[Gpu] = []
    monkeypatch.setattr(report, "nvidia_gpus", lambda: tuple(there))
    monkeypatch.setattr(machine, "cuda_version", lambda: "13.0" if there else None)
    return there


def test_a_machine_that_is_ready_ends_with_0_and_a_memory_table(gpus: list[Gpu]) -> None:
    result = doctor(*SCRIPTED)
    assert result.exit_code == 0, result.output
    assert "problem" not in result.output
    assert result.output.startswith("ok       python")
    assert "ENGINE   MODEL   PLACE" in result.output


def test_a_port_that_is_taken_is_a_problem_with_a_remedy(gpus: list[Gpu]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = doctor("--config", "scripted.yaml", "--set", f"server.port={taken.getsockname()[1]}")
    assert result.exit_code == 1
    assert "--set server.port=" in result.output


def test_missing_model_files_name_the_command_that_fetches_them(tmp_path: Path, gpus: list[Gpu]) -> None:
    found = findings("--set", f"weights.dir={tmp_path}", "--set", "server.port=0")["models"]
    assert {finding["verdict"] for finding in found} == {"problem"}
    assert "voiceagent weights pull moonshine-tiny-en" in found[0]["remedy"]


def test_a_file_of_the_wrong_size_is_damaged_and_one_unread_is_not_verified(tmp_path: Path, gpus: list[Gpu]) -> None:
    for size, verdict, word in ((3, "problem", "damaged"), (2_327_524, "warning", "not verified")):
        (tmp_path / "silero-vad-6.2").mkdir(exist_ok=True)
        (tmp_path / "silero-vad-6.2" / "silero_vad.onnx").write_bytes(bytes(size))
        (found,) = findings(*SCRIPTED, "--set", "vad.engine=silero", "--set", f"weights.dir={tmp_path}")["models"]
        assert found["verdict"] == verdict
        assert word in found["text"]


@pytest.mark.parametrize(
    ("setting", "check", "verdict", "words"),
    [
        ("llm.model=absent.gguf", "models", "problem", "absent.gguf is not here"),
        ("llm.model=smollm3", "models", "problem", "there is no model smollm3"),
        ("llm.model=org/model@1", "models", "warning", "is on a hub"),
        ("llm.gpu_layers=-1", "llm", "problem", "compiled without GPU support"),
        ("llm.threads=256", "processor", "warning", "llm.threads=256"),
        ("server.host=0.0.0.0", "microphone", "warning", "HTTPS"),
        ("server.host=0.0.0.0", "access", "problem", "server.host is 0.0.0.0, so other machines can reach"),
        ("server.hosts=[voice.example.org]", "access", "problem", "server.hosts names voice.example.org"),
        ("server.token_file=absent", "access", "problem", "absent cannot be read"),
        ("server.token=a-token-of-the-tests", "access", "ok", "everybody who has the token, from this machine"),
        ("server.open=true", "access", "ok", "this machine alone"),
        ("server.host=nowhere.invalid", "port", "problem", "nowhere.invalid"),
        ("asr.device=cuda", "asr", "problem", "asr.device is cuda"),
        ("tts.device=cuda", "tts", "problem", "tts.device is cuda"),
        ("tts.codec=nemo-nano-codec-22khz", "models", "problem", "nemo-nano-codec-22khz: 0 of 1"),
    ],
)
def test_what_is_wrong_is_said(
    setting: str, check: str, verdict: str, words: str, gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama, "_has_gpu_library", lambda: False)
    engines = {"llm": "llama", "asr": "nemotron", "tts": "magpie"}
    role = setting[:3]
    others = (*([f"{role}.engine={engines[role]}"] if role in engines else ()), setting)
    found = findings(*SCRIPTED, *(word for other in others for word in ("--set", other)))[check]
    assert any(finding["verdict"] == verdict and words in finding["text"] for finding in found), found


def test_a_gpu_is_told_with_its_driver_and_what_it_can(gpus: list[Gpu]) -> None:
    gpus.append(CARD)
    first, second = findings(*SCRIPTED)["gpu"]
    text = "NVIDIA GeForce RTX 5090, 32 GiB, compute capability 12.0, driver 580.65, CUDA up to 13.0"
    assert (first["verdict"], first["text"]) == ("ok", text)
    assert (second["verdict"], second["text"]) == ("warning", "the settings leave it idle")


def test_a_torch_without_cuda_beside_a_gpu_is_a_warning(gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus.append(CARD)
    monkeypatch.setattr(nemo, "version", lambda package: "2.13.0+cpu")
    sets = ("--set", "asr.engine=nemotron")
    assert "this torch is built without CUDA" in [finding["text"] for finding in findings(*SCRIPTED, *sets)["asr"]]
    assert "asr" not in findings(*SCRIPTED, *sets, "--set", "asr.engine=scripted")


def test_models_too_large_for_the_gpu_are_a_problem_with_settings_that_fit(gpus: list[Gpu], tmp_path: Path) -> None:
    gpus.append(CARD)
    sets = ("llm.engine=llama", "llm.model=nemotron-3-nano-30b-a3b-q8_0", "llm.gpu_layers=-1")
    words = [word for item in (*sets, f"weights.dir={tmp_path}") for word in ("--set", item)]
    found = [finding for finding in findings(*SCRIPTED, *words)["memory"] if finding["verdict"] == "problem"]
    assert [finding["text"] for finding in found] == ["GPU memory: 31.3 GiB needed, 31.0 GiB free"]
    assert "--set llm.model=nemotron-3-nano-30b-a3b-q4_k_m" in found[0]["remedy"]


def test_an_unknown_voice_is_a_problem(gpus: list[Gpu]) -> None:
    sets = ("--set", "tts.engine=hibari", "--set", "tts.voice=nobody")
    assert findings(*SCRIPTED, *sets)["voice"][0]["remedy"].startswith("set tts.voice to one of heart")


def test_a_remote_model_that_does_not_answer_is_a_warning(gpus: list[Gpu]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        sets = (*SCRIPTED, "--set", "llm.engine=openai", "--set", f"llm.base_url={url}")
        assert findings(*sets)["llm"][0]["verdict"] == "ok"
    assert findings(*sets)["llm"][0]["verdict"] == "warning"


def test_a_check_that_breaks_is_a_warning_and_the_others_go_on(
    gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.platform, "machine", lambda: 1 / 0)
    found = findings(*SCRIPTED)
    assert found["python"][0]["verdict"] == "warning"
    assert "ZeroDivisionError" in found["python"][0]["text"]
    assert found["port"][0]["verdict"] == "ok"


def test_the_json_holds_the_memory_plan(gpus: list[Gpu]) -> None:
    memory = json.loads(doctor(*SCRIPTED, "--json").stdout)["memory"]
    assert [need["engine"] for need in memory["needs"]] == ["process"]
    assert memory["accounts"][0]["short"] is False


def test_a_server_that_would_not_fit_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_plan, "free_main_memory", lambda: 1 << 20)
    monkeypatch.setattr("voiceagent.app.serving.configure", lambda *given, **named: None)
    monkeypatch.setattr("voiceagent.app.serving.listen", None)
    result = CliRunner().invoke(cli, ["serve", *SCRIPTED])
    assert result.exit_code == 1
    assert "do not fit" in result.stderr
    assert "main memory: 160 MiB needed, 1 MiB free" in result.stderr


def test_it_imports_no_runtime_of_a_model() -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "sys.argv = ['voiceagent', 'doctor', '--set', 'server.port=0']\n"
        "from voiceagent.cli.main import main\n"
        "main()\n"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    modules = set(process.stderr.split())
    assert "voiceagent.app.doctor" in modules
    heavy = {"torch", "nemo", "llama_cpp", "onnxruntime", "hibari", "aiortc", "uvicorn", "asyncio", "mcp", "openai"}
    assert modules & heavy == set()


def test_a_server_that_is_open_by_name_is_a_warning_and_one_with_a_token_is_ready(gpus: list[Gpu]) -> None:
    far = (*SCRIPTED, "--set", "server.host=0.0.0.0")
    (found,) = findings(*far, "--set", "server.open=true")["access"]
    assert (found["verdict"], found["remedy"]) == ("warning", "set VOICEAGENT_TOKEN")
    result = doctor(*far, "--set", f"server.token={TOKEN}")
    assert result.exit_code == 0
    assert "everybody who has the token" in result.output
    assert TOKEN not in result.output


@pytest.mark.parametrize(
    ("days", "verdict", "words"),
    [(30, "ok", "good until"), (5, "warning", "good until"), (-1, "problem", "expired on")],
)
def test_a_certificate_is_looked_at_before_it_expires(
    days: int, verdict: str, words: str, gpus: list[Gpu], tmp_path: Path
) -> None:
    pair = [word for key, path in write_pair(tmp_path, days=days).items() for word in ("--set", f"server.{key}={path}")]
    found = findings(*SCRIPTED, "--set", "server.host=0.0.0.0", *pair)
    assert (found["tls"][0]["verdict"], words in found["tls"][0]["text"]) == (verdict, True)
    assert not any("HTTPS" in finding["text"] for finding in found.get("microphone", []))
    assert "tls" not in findings(*SCRIPTED)
