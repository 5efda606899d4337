"""How the image is built from a checkout, for this machine's GPU."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from voiceagent import __version__
from voiceagent.cli.containers.engine import ContainerEngine
from voiceagent.cli.containers.life import checkout
from voiceagent.cli.containers.wish import Wish
from voiceagent.errors import VoiceAgentError


def build_arguments(engine: ContainerEngine, wish: Wish) -> list[str]:
    """Return the engine's command that builds the wish's image. Raises VoiceAgentError without a checkout."""
    from voiceagent.engines.machine import nvidia_gpus

    if (root := checkout()) is None:
        raise VoiceAgentError(
            "--build wants a checkout of voiceagent, and this one is installed: clone the repository and run it there."
        )
    command = ["build", f"--tag={wish.image_name}", f"--target={wish.target}"]
    # Podman's own form of image has no health check.
    command += ["--format=docker"] if engine.kind == "podman" else []
    if wish.target == "cuda" and (gpus := nvidia_gpus()):
        capabilities = sorted({gpu.compute_capability.replace(".", "") for gpu in gpus})
        command.append(f"--build-arg=CUDA_ARCHS={';'.join(capabilities)}")
    return [*command, f"--build-arg=VERSION={__version__}", *_revision(root), str(root)]


def _revision(root: Path) -> Iterator[str]:
    """Yield the argument that says which commit it is built from, where that can be known."""
    with suppress(OSError):
        git = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        done = subprocess.run(git, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            yield f"--build-arg=REVISION={done.stdout.strip()}"
