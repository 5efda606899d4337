"""`voiceagent up`, over an engine that runs nothing and writes down how it is called."""

import itertools
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from container_commands import of_the_image, ok, over, run
from fake_docker import READY, FakeEngine, install

from voiceagent import __version__
from voiceagent.app.settings import load_settings
from voiceagent.cli.containers import life
from voiceagent.cli.containers.engine import VARIABLE
from voiceagent.engines import machine
from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError

SPARK = Gpu("NVIDIA GB10", "580.1", "12.1", None, None)
RTX5090 = Gpu("NVIDIA GeForce RTX 5090", "580.1", "12.0", 32 << 30, 31 << 30)
H100 = Gpu("NVIDIA H100", "580.1", "9.0", 80 << 30, 79 << 30)
SMALL = Gpu("NVIDIA GeForce RTX 3060", "580.1", "8.6", 12 << 30, 11 << 30)


def test_up_starts_the_agent_locked_in_and_says_where_it_is(engine: FakeEngine) -> None:
    said = ok("up")
    assert "Ready. Talk to the agent at http://localhost:7860" in said
    arguments = engine.run_of()
    for option in ("--detach", "--network=host", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"):
        assert option in arguments
    assert "--volume=voiceagent:/data" in arguments
    assert "--env=VOICEAGENT_SERVER__HOST=127.0.0.1" in arguments, "nobody else reaches it, unless it is told so"
    assert of_the_image(engine) == ["serve", "--config", "cpu.yaml"]
    assert not [word for word in arguments if "gpu" in word]


def test_nobody_is_sent_to_a_page_that_is_not_there(engine: FakeEngine) -> None:
    engine.put(health={"ready": True, "engines": {"asr": True, "tts": True, "vad": True}, "troubles": {}})
    said = ok("up", "--name", "speech", "--port", "7861", "--config", "speech.yaml")
    assert "Ready. Serving asr, tts, vad at http://localhost:7861 (voiceagent down --name speech ends it)." in said


@pytest.mark.parametrize(
    ("gpu", "image", "config"),
    [
        (SPARK, "voiceagent:cuda", "spark.yaml"),
        (RTX5090, "voiceagent:cuda", "rtx5090.yaml"),
        (H100, "voiceagent:cuda", "spark.yaml"),
        (SMALL, "voiceagent:cpu", "cpu.yaml"),
    ],
)
def test_the_mode_is_what_suits_the_gpu(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, gpu: Gpu, image: str, config: str
) -> None:
    monkeypatch.setattr(machine, "nvidia_gpus", lambda: (gpu,))
    ok("up")
    assert image in engine.run_of()
    assert of_the_image(engine) == ["serve", "--config", config]
    assert ("--gpus=all" in engine.run_of()) == (image == "voiceagent:cuda")


def test_podman_is_asked_for_gpus_in_its_own_way(tmp_path: Path) -> None:
    podman = install(tmp_path / "bin", "podman", "podman version 5.2.0")
    ok("up", "--mode", "q8")
    assert "--device=nvidia.com/gpu=all" in podman.run_of()
    assert "--gpus=all" not in podman.run_of()


def test_podman_by_the_name_of_docker_is_known(tmp_path: Path) -> None:
    podman = install(tmp_path / "bin", "docker", "podman version 5.2.0")
    ok("up", "--mode", "q4")
    assert "--device=nvidia.com/gpu=all" in podman.run_of()


def test_settings_of_ones_own_come_last(engine: FakeEngine) -> None:
    ok("up", "--mode", "q4", "--set", "llm.max_tokens=50", "--set", "server.host=0.0.0.0")
    sets = of_the_image(engine)[3:]
    assert sets == ["--set", "llm.max_tokens=50", "--set", "server.host=0.0.0.0"]


def test_a_model_file_is_mounted_where_its_content_lies_and_used(engine: FakeEngine, tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "0f"
    blob.parent.mkdir()
    blob.write_bytes(b"GGUF")
    link = tmp_path / "Q8_0.gguf"
    link.symlink_to(blob)
    ok("up", "--mode", "q8", "--model", str(link))
    assert f"--volume={blob}:/models/Q8_0.gguf:ro" in engine.run_of()
    assert "llm.model=/models/Q8_0.gguf" in of_the_image(engine)


def test_a_model_of_the_manifest_is_given_by_name(engine: FakeEngine) -> None:
    ok("up", "--model", "qwen2.5-0.5b-instruct-q8_0")
    assert "llm.model=qwen2.5-0.5b-instruct-q8_0" in of_the_image(engine)


def test_a_model_file_that_is_not_here_is_told_before_anything_is_started(engine: FakeEngine) -> None:
    done = run("up", "--model", "/nowhere/model.gguf")
    assert done.exit_code == 1
    assert "/nowhere/model.gguf is not here" in done.output
    assert engine.calls == []


def test_the_hugging_face_cache_is_used_in_place_and_not_written_to(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / ".cache" / "huggingface" / "hub").mkdir(parents=True)
    ok("up")
    assert f"--volume={tmp_path}/.cache/huggingface/hub:/data/huggingface/hub:ro" in engine.run_of()


def test_a_file_of_settings_is_mounted(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: cpu.yaml\n")
    ok("up", "--config", str(tmp_path / "mine.yaml"))
    assert f"--volume={tmp_path}/mine.yaml:/models/mine.yaml:ro" in engine.run_of()
    assert of_the_image(engine)[:3] == ["serve", "--config", "/models/mine.yaml"]


def test_secrets_are_handed_on_by_name_and_never_shown(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEAGENT_TOKEN", "a-secret-of-sixteen")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("VOICEAGENT_WEIGHTS_DIR", "/disk/of/this/machine")
    ok("up")
    arguments = engine.run_of()
    assert {"--env=VOICEAGENT_TOKEN", "--env=HF_TOKEN"} <= set(arguments)
    assert not [word for word in arguments if "secret" in word or "/disk/of" in word]


def test_the_port_is_the_servers_and_the_health_checks(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "http://localhost:7999" in ok("up", "--port", "7999")
    assert "--env=VOICEAGENT_SERVER__PORT=7999" in engine.run_of()
    ok("down")
    monkeypatch.setenv("VOICEAGENT_SERVER__PORT", "8123")
    assert "http://localhost:8123" in ok("up")
    assert run("up", "--set", "server.port=1").exit_code == 1


def test_in_the_foreground_it_stays_at_the_terminal_and_is_gone_afterwards(engine: FakeEngine) -> None:
    ok("up", "-f")
    assert "--rm" in engine.run_of()
    assert "--detach" not in engine.run_of()


def test_vllm_runs_beside_it_and_the_rest_hears_and_speaks_on_the_gpu(engine: FakeEngine) -> None:
    ok("up", "--mode", "vllm")
    assert list(engine.containers) == ["voiceagent-vllm", "voiceagent"]
    assert "--model=nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16" in engine.run_of("voiceagent-vllm")
    sets = of_the_image(engine)
    assert sets[:3] == ["serve", "--config", "vllm.yaml"]
    assert {"asr.engine=nemotron", "tts.engine=magpie", "llm.base_url=http://127.0.0.1:8000/v1"} <= set(sets)
    ok("down")
    assert engine.containers == {}


def test_a_model_served_elsewhere_needs_no_vllm_of_ours(engine: FakeEngine) -> None:
    ok("up", "--mode", "vllm", "--llm-url", "http://gpu.lan:8000/v1", "--model", "mine")
    assert list(engine.containers) == ["voiceagent"]
    assert {"llm.engine=openai", "llm.base_url=http://gpu.lan:8000/v1", "llm.model=mine"} <= set(of_the_image(engine))


def test_an_image_that_is_missing_is_told_with_the_way_to_it(engine: FakeEngine) -> None:
    engine.put(images=[])
    done = run("up")
    assert done.exit_code == 1
    assert "voiceagent up --build" in done.output
    assert engine.calls == []


def test_the_image_is_built_for_the_gpu_of_this_machine(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "nvidia_gpus", lambda: (RTX5090, SMALL))
    ok("up", "--build")
    build = next(call for call in engine.calls if call[0] == "build")
    assert "--target=cuda" in build
    assert "--build-arg=CUDA_ARCHS=120;86" in build
    assert f"--build-arg=VERSION={__version__}" in build, "for the image's labels"
    assert (Path(build[-1]) / "Dockerfile").is_file()


def test_a_gpu_that_containers_do_not_see_is_told_with_what_to_do(engine: FakeEngine) -> None:
    engine.put(fails=["run"])
    done = run("up", "--mode", "q4")
    assert done.exit_code == 1
    assert "docker run --rm --gpus=all debian:bookworm-slim ls /dev/nvidia0" in done.output
    assert "--mode cpu" in done.output
    assert "GPU" not in run("up", "--mode", "cpu").output


def test_a_second_up_harms_nobody(engine: FakeEngine) -> None:
    ok("up")
    before = len(engine.calls)
    done = run("up")
    assert done.exit_code == 1
    assert "runs already" in done.output
    assert len(engine.calls) == before


def test_what_ends_at_once_is_told_with_its_log(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.put(health=None, log="Error: the port is taken")
    monkeypatch.setattr(life.Containers, "state", lambda self, name: "exited" if engine.containers else "")
    done = run("up")
    assert done.exit_code == 1
    assert "voiceagent ended (exited)" in done.output
    assert "Error: the port is taken" in done.output


def test_waiting_says_what_is_waited_for(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    ok("up", "--no-wait")
    engine.put(health=None)
    told: list[str] = []

    def go_on(_: float) -> None:
        loading = {**READY, "ready": False, "engines": {"asr": True, "llm": False, "tts": False}}
        engine.put(health=loading if len(told) == 1 else READY)

    monkeypatch.setattr(life, "time", SimpleNamespace(sleep=go_on, monotonic=time.monotonic))
    life.Containers(over(engine)).wait(told.append)
    assert told == ["voiceagent: starting, or fetching models", "voiceagent: loading llm, tts"]


def test_what_is_never_ready_is_told_and_goes_on(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    ok("up", "--no-wait")
    engine.put(health=None)
    times = itertools.count(step=600)
    monkeypatch.setattr(life, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(times)))
    with pytest.raises(VoiceAgentError, match="not ready after 3600 s"):
        life.Containers(over(engine)).wait(lambda told: None)
    assert engine.containers == {"voiceagent": "running"}


def test_the_agent_waits_for_its_vllm(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def answers() -> bool:
        seen.append(engine.containers)
        return len(seen) == 3

    monkeypatch.setattr(life, "vllm_answers", answers)
    said = ok("up", "--mode", "vllm", "--model", "mine/model")
    assert seen == [{"voiceagent-vllm": "running"}] * 3, "the agent would end where nothing answers"
    assert "voiceagent-vllm: loading mine/model\n" in said
    assert engine.containers == {"voiceagent-vllm": "running", "voiceagent": "running"}


def test_a_vllm_that_ends_is_told_and_nothing_else_is_started(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> bool:
        containers = {"voiceagent-vllm": {"state": "exited", "labels": {}}}
        engine.put(containers=containers, log="torch.OutOfMemoryError: 72 GB")
        return False

    monkeypatch.setattr(life, "vllm_answers", answers)
    done = run("up", "--mode", "vllm")
    assert done.exit_code == 1
    assert "voiceagent-vllm ended (exited):\ntorch.OutOfMemoryError: 72 GB" in done.output
    assert "voiceagent" not in engine.containers


def test_what_vllm_has_fetched_outlives_it(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(life, "vllm_answers", lambda: True)
    ok("up", "--mode", "vllm")
    assert "--volume=voiceagent-vllm:/root/.cache/huggingface/hub" in engine.run_of("voiceagent-vllm")
    ok("down")
    (tmp_path / "cache" / "hub").mkdir(parents=True)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("VOICEAGENT_VLLM_IMAGE", "registry.lan/vllm:mine")
    ok("up", "--mode", "vllm")
    assert f"--volume={tmp_path}/cache/hub:/root/.cache/huggingface/hub" in engine.run_of("voiceagent-vllm")
    assert "registry.lan/vllm:mine" in engine.run_of("voiceagent-vllm")


def test_what_the_engine_complains_of_is_told(engine: FakeEngine) -> None:
    engine.put(fails=["run"])
    done = run("up")
    assert done.exit_code == 1
    assert "docker run failed: run: no space left on device" in done.output


# Without an engine


def test_without_an_engine_the_way_without_containers_is_told() -> None:
    done = run("up")
    assert done.exit_code == 1
    assert "There is neither Docker nor Podman" in done.output
    assert "voiceagent serve --pull" in done.output
    assert "deploy/voiceagent.service" in done.output


def test_an_engine_that_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    install(tmp_path / "bin", "docker").put(down=True)
    done = run("up")
    assert done.exit_code == 1
    assert "docker is installed and does not answer" in done.output
    podman = install(tmp_path / "bin", "podman", "podman version 5.2.0")
    ok("up")
    assert podman.containers == {"voiceagent": "running"}


def test_the_engine_may_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker, podman = install(tmp_path / "bin"), install(tmp_path / "bin", "podman", "podman version 5.2.0")
    monkeypatch.setenv(VARIABLE, "podman")
    ok("up")
    assert (docker.all_calls, podman.containers) == ([], {"voiceagent": "running"})
    monkeypatch.setenv(VARIABLE, "nerdctl")
    assert "nerdctl, which is not installed" in run("up").output


def test_a_checkout_needs_click_alone_to_bring_it_up() -> None:
    script = (
        "import sys\n"
        "from voiceagent.cli.containers import building, commands, life\n"
        "from voiceagent.cli.main import cli\n"
        "import voiceagent.cli.containers.wish, voiceagent.engines.machine\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'pydantic', 'yaml', 'numpy', 'httpx2', 'starlette'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--mode", "cpu"),
        ("--mode", "q8"),
        ("--mode", "q4"),
        ("--mode", "vllm"),
        ("--mode", "vllm", "--llm-url", "http://gpu.lan:8000/v1"),
        ("--mode", "cpu", "--llm-url", "http://gpu.lan:8000/v1", "--model", "mine"),
        ("--mode", "cpu", "--asr-url", "http://speech.lan:7861", "--tts-url", "http://speech.lan:7861"),
        ("--mode", "q8", "--no-llm"),
        ("--mode", "q8", "--no-asr", "--no-llm", "--set", "tts.voice=aria"),
    ],
    ids=" ".join,
)
def test_what_the_container_is_told_is_what_voiceagent_takes(engine: FakeEngine, arguments: tuple[str, ...]) -> None:
    ok("up", *arguments)
    _, _, config, *sets = of_the_image(engine)
    settings = load_settings(config, sets[1::2], environ={}).settings
    assert ("--no-llm" in arguments) == (settings.llm.engine == "none")
    assert ("--no-asr" in arguments) == (settings.asr.engine == "none")
    if "--asr-url" in arguments:
        elsewhere = ("remote", "http://speech.lan:7861")
        assert (settings.asr.engine, settings.asr.url) == (settings.tts.engine, settings.tts.url) == elsewhere
    if "--llm-url" in arguments:
        assert (settings.llm.engine, settings.llm.base_url) == ("openai", "http://gpu.lan:8000/v1")
