"""What `voiceagent up` is asked for, and what it takes: image, settings, mounts. Pure: runs nothing."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from voiceagent.engines.machine import Gpu
from voiceagent.errors import VoiceAgentError

Mode = Literal["cpu", "q8", "q4", "vllm"]
Role = Literal["asr", "tts", "llm"]

ROLES: tuple[Role, ...] = ("asr", "tts", "llm")
CONFIGS: Mapping[Mode, str] = {"cpu": "cpu.yaml", "q8": "spark.yaml", "q4": "rtx5090.yaml", "vllm": "vllm.yaml"}
"""The settings of each mode."""
ROOM_FOR_Q8, ROOM_FOR_Q4 = 45e9, 31e9
"""Bytes of a GPU from which on the language model (33.6 or 24.6 GB) fits in 8 or 4 bits, beside the other two."""
SPEECH_ON_GPU = ("asr.engine=nemotron", "tts.engine=magpie")
"""What mode vllm changes where the image is for a GPU: its settings hear and speak on the CPU."""
VLLM_URL = "http://127.0.0.1:8000/v1"
VLLM_MODEL = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"
MODELS = "/models"
"""Where a model of the user's own lies in the container."""
HUB = "/data/huggingface/hub"
"""Where the container looks for the Hugging Face cache."""
HANDED_ON = (
    "HF_TOKEN",
    "HUGGINGFACE_ACCESS_TOKEN",
    "HF_ENDPOINT",
    "OPENAI_API_KEY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)
"""Variables of this shell that the container is given, besides settings. By name: values would show in `ps`."""
PORT = "VOICEAGENT_SERVER__PORT"
NOT_HANDED_ON = (
    "VOICEAGENT_WEIGHTS_DIR",
    "VOICEAGENT_CONTAINER_ENGINE",
    "VOICEAGENT_DEBUG",
    "VOICEAGENT_VLLM_IMAGE",
    PORT,
)
"""Variables that say something of this machine's paths and programs, and what has an option of its own."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for."""

    mode: Mode
    config: str | None = None
    """Settings in place of the mode's: a name in configs/, or a file."""
    sets: Sequence[str] = ()
    model: str | None = None
    """A GGUF file, a name of the manifest, or what another server calls its model."""
    without: frozenset[Role] = frozenset()
    urls: Mapping[Role, str] = field(default_factory=dict)
    image: str | None = None
    port: int = 7860
    volume: str = "voiceagent"

    def __post_init__(self) -> None:
        """Raise VoiceAgentError for what cannot be had together."""
        for role in ROLES:
            if role in self.without and role in self.urls:
                raise VoiceAgentError(f"--no-{role} and --{role}-url: the one or the other.")
        if self.without == set(ROLES):
            raise VoiceAgentError("Without recogniser, voice and language model there is nothing left to run.")
        if "llm" in self.urls and self.mode != "vllm" and not self.model:
            raise VoiceAgentError("--llm-url: also give --model NAME, as that server calls its model.")
        if any(text.partition("=")[0].strip() == "server.port" for text in self.sets):
            raise VoiceAgentError("--set server.port: the port is given by --port, as the health check needs it, too.")

    def to_json(self) -> str:
        """Return it as text, for `from_json`; files by their whole path, as the next command may be given elsewhere."""
        fields = {name: getattr(self, name) for name in ("mode", "sets", "urls", "image", "port", "volume")}
        paths = {name: _whole(getattr(self, name)) for name in ("config", "model")}
        return json.dumps({**fields, **paths, "without": sorted(self.without)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote. Raises ValueError, TypeError and VoiceAgentError for anything else."""
        fields = json.loads(text)
        return cls(**{**fields, "without": frozenset(fields["without"])})

    @property
    def target(self) -> Literal["cpu", "cuda"]:
        """Which image it takes."""
        return "cpu" if self.mode == "cpu" else "cuda"

    @property
    def image_name(self) -> str:
        """The image's name."""
        return self.image or f"voiceagent:{self.target}"

    @property
    def starts_vllm(self) -> bool:
        """Whether a vLLM of our own runs beside it."""
        return self.mode == "vllm" and "llm" not in self.without | self.urls.keys()

    @property
    def vllm_model(self) -> str:
        """What vLLM is to load."""
        return self.model or VLLM_MODEL


def _whole(name: str | None) -> str | None:
    """Return the whole path of a file, or the name where it is none."""
    path = Path(name).expanduser() if name else None
    return str(path.absolute()) if path is not None and path.is_file() else name


def mode_for(gpus: Sequence[Gpu]) -> Mode:
    """Return the mode that suits the machine: the largest model that fits its GPU, or that for a CPU."""
    if not gpus:
        return "cpu"
    if gpus[0].total is None:  # it shares the main memory, as a DGX Spark's
        return "q8"
    return "q8" if gpus[0].total >= ROOM_FOR_Q8 else "q4" if gpus[0].total >= ROOM_FOR_Q4 else "cpu"


def settings_of(wish: Wish) -> list[str]:
    """Return the arguments of `voiceagent` in the container."""
    config = wish.config or CONFIGS[wish.mode]
    sets = list(SPEECH_ON_GPU) if wish.mode == "vllm" and not wish.config else []
    sets += [f"{role}.engine=none" for role in ROLES if role in wish.without]
    for role, url in wish.urls.items():
        engine, key = ("openai", "base_url") if role == "llm" else ("remote", "url")
        sets += [f"{role}.engine={engine}", f"{role}.{key}={url}"]
    if wish.starts_vllm:
        sets.append(f"llm.base_url={VLLM_URL}")
    if wish.model and "llm" not in wish.without:
        file = model_file(wish)
        sets.append(f"llm.model={MODELS}/{file.name if file else wish.model}" if file else f"llm.model={wish.model}")
    sets += wish.sets
    named = f"{MODELS}/{Path(config).name}" if Path(config).is_file() else config
    return ["serve", "--config", named, *[word for text in sets for word in ("--set", text)]]


def model_file(wish: Wish) -> Path | None:
    """Return the file that is to answer, None where `--model` is a name. Raises VoiceAgentError for one not here."""
    if wish.model is None or wish.mode == "vllm" or "llm" in wish.urls:
        return None
    path = Path(wish.model).expanduser()
    if path.is_file():
        return path
    if path.suffix == ".gguf" or wish.model.startswith(("/", "~", ".")):
        raise VoiceAgentError(f"--model: {wish.model} is not here. `voiceagent weights list` shows models by name.")
    return None


def mounts(wish: Wish, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the engine's options for what the container sees of this machine's disk; models read-only, in place."""
    found = [f"--volume={wish.volume}:/data"]
    if (file := model_file(wish)) is not None:
        # A file of the Hugging Face cache is a link to where its content lies.
        found.append(f"--volume={file.resolve()}:{MODELS}/{file.name}:ro")
    if wish.config and (config := Path(wish.config)).is_file():
        found.append(f"--volume={config.resolve()}:{MODELS}/{config.name}:ro")
    if (cache := hub_cache(environment)).is_dir():
        found.append(f"--volume={cache.resolve()}:{HUB}:ro")
    return found


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Return where the Hugging Face cache of this user is, by the hub's own rules."""
    if given := environment.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    home = environment.get("HF_HOME") or str(Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return Path(home).expanduser() / "hub"


def variables(wish: Wish, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the engine's options for the container's environment: what is secret goes by name."""
    settings = [name for name in environment if name.startswith("VOICEAGENT_") and name not in NOT_HANDED_ON]
    handed_on = [f"--env={name}" for name in sorted({*settings, *(environment.keys() & set(HANDED_ON))})]
    # Before those of the shell, which may say otherwise: of two, the engine takes the later one.
    own = ["--env=VOICEAGENT_SERVER__HOST=127.0.0.1", f"--env={PORT}={wish.port}"]
    return [*own, *handed_on]
