"""voiceagent on Modal: one container is one process with one GPU, and serves several callers (docs/modal.md).

    modal deploy deploy/modal_app.py                # in a checkout, with an account
    python deploy/modal_app.py --config cpu.yaml    # the same application on this machine, without Modal's cloud

Signalling comes in through Modal's HTTPS. Media cannot: a container has no address for UDP. So both sides go out, to a
TURN server, which the secret `voiceagent` names.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ROOT = Path(__file__).resolve().parent.parent
GPU, CUDA_ARCHITECTURE = "L40S", "89"
CONFIG = "rtx5090.yaml"
CALLERS = 4
"""How many a container is to have; how many it lets in is admission's affair."""
LONGEST_CALL_S = 3600
DATA = "/data"
TOOLKIT = "cuda-toolkit[nvcc,crt,nvvm,cudart,cccl,cublas]==13.0.3"
"""CUDA's compiler, of the version that torch's wheel names (constraints-nemo.txt)."""
COMPILE = (
    "cu=$(python -c 'import nvidia, pathlib; print(pathlib.Path(list(nvidia.__path__)[0]) / \"cu13\")')"
    ' && for lib in "$cu"/lib/*.so.*; do ln -sf "${lib##*/}" "${lib%%.so.*}.so"; done && ln -sf lib "$cu/lib64"'
    ' && CUDACXX="$cu/bin/nvcc" CUDAToolkit_ROOT="$cu"'
    ' CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_CUDA=ON -DGGML_CUDA_NO_VMM=ON'
    f' -DCMAKE_CUDA_ARCHITECTURES={CUDA_ARCHITECTURE}"'
    " python scripts/build-llama --wheel-dir /built"
)

image = (
    modal.Image.debian_slim(python_version="3.11")
    .apt_install("g++", "make", "libgomp1")
    .uv_pip_install("pip", "torch==2.13.0", TOOLKIT)
    .workdir("/src")
    .add_local_file(ROOT / "constraints.txt", "/src/constraints.txt", copy=True)
    .add_local_dir(ROOT / "scripts", "/src/scripts", copy=True)
    .run_commands(COMPILE)
    .add_local_file(ROOT / "constraints-nemo.txt", "/src/constraints-nemo.txt", copy=True)
    .add_local_file(ROOT / "pyproject.toml", "/src/pyproject.toml", copy=True)
    .run_commands(
        "python -m pip install uv && uv pip install --system --constraint constraints-nemo.txt --find-links /built"
        " --requirement pyproject.toml --extra nemo --extra mcp --extra openai"
    )
    .add_local_dir(ROOT / "voiceagent", "/src/voiceagent", copy=True)
    .add_local_dir(ROOT / "configs", "/src/configs", copy=True)
    .add_local_dir(ROOT / "scenarios", "/src/scenarios", copy=True)
    .add_local_file(ROOT / "weights" / "manifest.toml", "/src/weights/manifest.toml", copy=True)
    .add_local_file(ROOT / "README.md", "/src/README.md", copy=True)
    .add_local_file(ROOT / "LICENSE", "/src/LICENSE", copy=True)
    .run_commands("uv pip install --system --no-deps .")
    .env(
        {
            "VOICEAGENT_WEIGHTS_DIR": f"{DATA}/weights",
            "XDG_CACHE_HOME": f"{DATA}/cache",
            "HF_HOME": f"{DATA}/hub",
            "VOICEAGENT_SERVER__HOSTS": '["*.modal.run"]',
        }
    )
)
app = modal.App("voiceagent", image=image)
data = modal.Volume.from_name("voiceagent", create_if_missing=True)


def application(config: str) -> "ASGIApp":
    """Fetch the models that are missing, and return the application; its lifespan loads them."""
    from voiceagent import Agent
    from voiceagent.app.settings import load_settings
    from voiceagent.cli.pulling import pull_missing
    from voiceagent.weights.progress import Silent

    settings = load_settings(config).settings
    pull_missing(settings, Silent())
    return Agent(settings).asgi()


@app.cls(
    gpu=GPU,
    volumes={DATA: data},
    # VOICEAGENT_TOKEN, VOICEAGENT_SERVER__TURN__URLS, VOICEAGENT_SERVER__TURN__SECRET, HF_TOKEN
    secrets=[modal.Secret.from_name("voiceagent")],
    timeout=LONGEST_CALL_S,
    scaledown_window=300,
    min_containers=0,
    max_containers=4,
)
@modal.concurrent(max_inputs=16 * CALLERS, target_inputs=CALLERS)
class VoiceAgent:
    """A container."""

    @modal.asgi_app()
    def web(self) -> Any:
        """Return what serves page and doors."""
        web = application(CONFIG)
        data.commit()
        return web


def rehearse(config: str, port: int) -> None:
    """Serve the application that a container serves, on this machine alone."""
    import uvicorn

    uvicorn.run(application(config), host="127.0.0.1", port=port)


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description="Serve on this machine what a container on Modal serves.")
    parser.add_argument("--config", default="cpu.yaml")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "7860")))
    options = parser.parse_args()
    rehearse(options.config, options.port)
