"""The containers of one agent: how they are started, found, waited for and ended."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from voiceagent.cli.containers.asking import Answer, parse
from voiceagent.cli.containers.engine import ContainerEngine
from voiceagent.cli.containers.wish import VLLM_URL, Wish, hub_cache, mounts, settings_of, variables
from voiceagent.errors import VoiceAgentError

NAME = "voiceagent"
VLLM = "-vllm"
"""What the name of the vLLM beside it ends in."""
VLLM_IMAGE = "docker.io/vllm/vllm-openai:v0.22.0"
"""Nemotron-3-Nano needs 0.12 at least; $VOICEAGENT_VLLM_IMAGE names another."""
VLLM_IMAGE_VARIABLE = "VOICEAGENT_VLLM_IMAGE"
HUB_OF_VLLM = "/root/.cache/huggingface/hub"
VLLM_ARGUMENTS = ("--trust-remote-code", "--max-model-len=16384", "--gpu-memory-utilization=0.75")
"""Room on the GPU is left for recogniser and voice."""
GOODBYE_S = 60
"""How long callers have to hear good-bye before the engine kills what is left."""
POLL_S = 0.5
READY_WITHIN_S = 3600
"""The first start may have 40 GB to fetch."""
TAIL = 20
"""Lines of the log that are shown of a container that ended."""
LOCKED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges")
PORT_LABEL, WISH_LABEL = "voiceagent.port", "voiceagent.wish"
"""What a container remembers of how it was started."""


@dataclass(frozen=True, slots=True)
class Containers:
    """The agent's container, and that of a vLLM beside it where there is one."""

    engine: ContainerEngine
    name: str = NAME

    @property
    def vllm(self) -> str:
        """The name of the vLLM's container."""
        return self.name + VLLM

    def command(self, name: str) -> str:
        """Return how one of the commands is given about this container, as this program was called."""
        program = "python3 -m voiceagent" if Path(sys.argv[0]).match("voiceagent/__main__.py") else "voiceagent"
        return f"{program} {name}" if self.name == NAME else f"{program} {name} --name {self.name}"

    def state(self, name: str) -> str:
        """Return what a container is doing ("running", "exited"), "" where there is none."""
        return self.engine.ask("container", "inspect", "--format", "{{.State.Status}}", name) or ""

    def port(self) -> int:
        """Return the port of the agent that runs. Raises VoiceAgentError where none does."""
        return int(self.engine.do(*_reading(PORT_LABEL), self.name))

    def wish(self) -> Wish | None:
        """Return what the container that exists was started with; None where that is not known."""
        try:
            return Wish.from_json(self.engine.ask(*_reading(WISH_LABEL), self.name) or "")
        except (ValueError, TypeError, KeyError):
            return None

    def answer(self) -> Answer | None:
        """Return what the agent says of itself; None where it does not answer."""
        return parse(self.engine.said("exec", self.name, "container-health"))

    def present(self) -> list[str]:
        """Return the names of the containers that exist, running or not."""
        return [name for name in (self.name, self.vllm) if self.state(name)]

    def start(self, wish: Wish, say: Callable[[str], None], *, foreground: bool = False, wait: bool = True) -> int:
        """Start the agent, and a vLLM before it if the wish has one; return the exit status in the foreground, else 0.

        The agent ends where it cannot reach its language model, so a vLLM is waited for; without `wait` the engine
        starts the agent again until it can. Raises VoiceAgentError where it runs already, where there is no such
        image, and with what the engine says.
        """
        if self.state(self.name) == "running":
            raise VoiceAgentError(
                f"{self.name} runs already: {self.command('restart')} [OPTIONS], or {self.command('down')}."
            )
        arguments = self.require(wish)
        self.remove()
        if wish.starts_vllm:
            self.engine.do("run", "--detach", f"--name={self.vllm}", *self._vllm_arguments(wish))
            if wait or foreground:
                self.wait_for(self.vllm, lambda: f"loading {wish.vllm_model}", vllm_answers, say)
        terminal = ("--interactive", "--tty") if sys.stdin.isatty() else ()
        how = ("--rm", *terminal) if foreground else ("--detach", "--restart=unless-stopped")
        command = ("run", *how, f"--name={self.name}", *arguments)
        if foreground:
            return self.engine.run(*command)
        try:
            self.engine.do(*command)
        except VoiceAgentError as error:
            raise VoiceAgentError(f"{error}{self._why_no_gpu(wish)}") from error
        return 0

    def require(self, wish: Wish) -> list[str]:
        """Return what the wish takes. Raises VoiceAgentError for mistakes and a missing image, before anything ends."""
        arguments = self.arguments(wish)
        if self.engine.ask("image", "inspect", "--format", "{{.Id}}", wish.image_name) is None:
            raise VoiceAgentError(
                f"There is no image {wish.image_name} here. Build it, once, in a checkout of voiceagent:"
                f" {self.command('up')} --build (docs/containers.md)."
            )
        return arguments

    def arguments(self, wish: Wish) -> list[str]:
        """Return what follows `run`: the agent's options, image and command."""
        gpu = self._gpu() if wish.target == "cuda" else []
        labels = [f"--label={PORT_LABEL}={wish.port}", f"--label={WISH_LABEL}={wish.to_json()}"]
        network = ["--network=host", f"--stop-timeout={GOODBYE_S}"]
        return [*network, *labels, *LOCKED, *gpu, *mounts(wish), *variables(wish), wish.image_name, *settings_of(wish)]

    def end(self) -> list[str]:
        """Say good-bye to callers and end all containers; return the names of those that ran."""
        ran = [name for name in self.present() if self.state(name) == "running"]
        for name in ran:
            self.engine.do("stop", "-t", str(GOODBYE_S), name)
        self.remove()
        return ran

    def remove(self) -> None:
        """Remove what has ended."""
        for name in self.present():
            self.engine.do("rm", "--force", name)

    def wait(self, say: Callable[[str], None]) -> Answer:
        """Wait until the agent is ready, and tell what it waits for; return what it says then. Raises what `wait_for`
        does."""
        said: Answer | None = None

        def is_ready() -> bool:
            nonlocal said
            said = self.answer()
            return said is not None and said.ready

        def waits_for() -> str:
            return f"loading {', '.join(said.missing)}" if said else "starting, or fetching models"

        self.wait_for(self.name, waits_for, is_ready, say)
        assert said is not None
        return said

    def wait_for(
        self, name: str, waits_for: Callable[[], str], is_ready: Callable[[], bool], say: Callable[[str], None]
    ) -> None:
        """Wait until a container is ready, and tell what it waits for. Raises VoiceAgentError where it ends before,
        with the end of its log, or is not ready in time.
        """
        end, told = time.monotonic() + READY_WITHIN_S, ""
        while time.monotonic() < end:
            if is_ready():
                return
            if (state := self.state(name)) != "running":
                # It may have been started several times, and have said the same each time.
                log = "".join(dict.fromkeys(self.engine.lines("logs", "--tail", str(TAIL), name)))
                self.engine.ask("stop", "-t", "0", name)  # the engine would start it again and again
                raise VoiceAgentError(f"{name} ended ({state or 'it is gone'}):\n{log}".rstrip())
            if (now := waits_for()) != told:
                say(f"{name}: {now}")
                told = now
            time.sleep(POLL_S)
        raise VoiceAgentError(f"{name} is not ready after {READY_WITHIN_S} s, and goes on: see {self.command('logs')}.")

    def _gpu(self) -> list[str]:
        return ["--device=nvidia.com/gpu=all"] if self.engine.kind == "podman" else ["--gpus=all"]

    def _why_no_gpu(self, wish: Wish) -> str:
        if wish.target == "cpu":
            return ""
        seen = f"{self.engine.kind} run --rm {self._gpu()[0]} debian:bookworm-slim ls /dev/nvidia0"
        return (
            f"\nMode {wish.mode} wants an NVIDIA GPU that containers see, by NVIDIA's container toolkit"
            f" (docs/install.md): try `{seen}`. Without a GPU: --mode cpu."
        )

    def _vllm_arguments(self, wish: Wish) -> list[str]:
        cache = hub_cache(os.environ)
        models = f"--volume={cache.resolve() if cache.is_dir() else self.vllm}:{HUB_OF_VLLM}"
        token = ["--env=HF_TOKEN"] if "HF_TOKEN" in os.environ else []
        run = ["--network=host", "--ipc=host", "--restart=unless-stopped", *self._gpu(), models, *token]
        image = os.environ.get(VLLM_IMAGE_VARIABLE, VLLM_IMAGE)
        return [*run, image, f"--model={wish.vllm_model}", "--host=127.0.0.1", *VLLM_ARGUMENTS]


def _reading(label: str) -> tuple[str, ...]:
    return "container", "inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}'


def vllm_answers() -> bool:
    """Return whether the vLLM at this machine has loaded its model."""
    try:
        with urlopen(f"{VLLM_URL.removesuffix('/v1')}/health", timeout=POLL_S * 4) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def checkout() -> Path | None:
    """Return the checkout that this voiceagent runs from, None where it is installed."""
    root = Path(__file__).resolve().parents[3]
    return root if (root / "Dockerfile").is_file() else None
