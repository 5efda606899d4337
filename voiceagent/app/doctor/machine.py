"""The doctor's questions about the machine: Python, packages, processor, GPU, port, microphone."""

import os
import platform
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from voiceagent.app.capacity.gpu import lanes_on_gpu, wants_gpu
from voiceagent.app.doctor.finding import Finding, ok, problem, skipped, warning
from voiceagent.config.settings import Settings
from voiceagent.engines.machine import Gpu, cores, cuda_version, processor

OLDEST_PYTHON = (3, 11)
CORE = ("aiortc", "hibari-tts", "llama-cpp-python", "numpy", "onnxruntime", "pydantic", "starlette", "uvicorn")
OPTIONAL = {"nemo": ("torch", "nemo-toolkit"), "openai": ("openai",), "mcp": ("mcp",)}
"""What each extra of `pip install voiceagent[EXTRA]` brings."""
GPU_LIBRARIES = ("*ggml-cuda*", "*ggml-metal*", "*ggml-vulkan*", "*ggml-hip*", "*ggml-sycl*")
"""Beside llama.cpp's own library where it was compiled for some GPU."""
ANSWER_WITHIN_S = 0.5


def check_python() -> Iterator[Finding]:
    """Python and the system below it."""
    text = (
        f"{platform.python_version()} on {platform.system()} {platform.machine()}, voiceagent {_version('voiceagent')}"
    )
    if sys.version_info < OLDEST_PYTHON:
        yield problem("python", text, "install Python 3.11 or later, and voiceagent in it")
    else:
        yield ok("python", text)


def check_packages(settings: Settings) -> Iterator[Finding]:
    """Versions of the packages that the settings need."""
    found = {package: _version(package) for package in CORE}
    if missing := [package for package in CORE if found[package] is None]:
        yield problem("packages", f"{', '.join(missing)} not installed", "pip install --force-reinstall voiceagent")
    yield ok("packages", ", ".join(f"{package} {found[package]}" for package in CORE if found[package]))
    for extra in _extras(settings):
        there = {package: _version(package) for package in OPTIONAL[extra]}
        if missing := [package for package in there if there[package] is None]:
            yield problem("packages", f"{', '.join(missing)} not installed", f"pip install 'voiceagent[{extra}]'")
        else:
            yield ok("packages", ", ".join(f"{package} {there[package]}" for package in there))


def check_processor(settings: Settings) -> Iterator[Finding]:
    """Cores against the threads of each model."""
    available = cores()
    sections = {name: getattr(settings, name).threads for name in ("asr", "llm", "tts", "vad", "turn")}
    if greedy := [f"{name}.threads={threads}" for name, threads in sections.items() if threads > available]:
        text = f"{processor()}, {available} cores, and {', '.join(greedy)}"
        yield warning("processor", text, f"set no more threads than {available}")
    else:
        yield ok("processor", f"{processor()}, {available} cores")


def check_gpus(settings: Settings, gpus: tuple[Gpu, ...]) -> Iterator[Finding]:
    """The GPUs that NVIDIA's driver tells of, and whether the settings can use one."""
    wanted = wants_gpu(settings)
    if gpus:
        cuda = cuda_version() or "not known"
        for gpu in gpus:
            memory = "memory shared with the CPU" if gpu.total is None else f"{gpu.total / 2**30:.0f} GiB"
            about = f"compute capability {gpu.compute_capability}, driver {gpu.driver}, CUDA up to {cuda}"
            yield ok("gpu", f"{gpu.name}, {memory}, {about}")
        if not wanted:
            yield warning("gpu", "the settings leave it idle", "try --config rtx5090.yaml or --set llm.gpu_layers=-1")
    elif forced := sorted(lanes_on_gpu(settings, has_gpu=False) - {"llm"}):
        for name in forced:
            yield problem(
                "gpu", f"nvidia-smi tells of none, and {name}.device is cuda", f"set {name}.device to auto or cpu"
            )
    elif wanted:
        yield warning("gpu", "nvidia-smi tells of none, though the settings would use one", "install NVIDIA's driver")
    else:
        yield ok("gpu", "none that nvidia-smi tells of, and none is needed")
    if gpus and "nemo" in _extras(settings) and (_version("torch") or "").endswith("+cpu"):
        yield warning("gpu", "this torch is built without CUDA", "install a build of torch for the driver's CUDA")
    if settings.llm.engine == "llama" and settings.llm.gpu_layers and not _llama_has_gpu():
        yield problem(
            "gpu",
            "llama.cpp was compiled for no GPU, and llm.gpu_layers is not 0",
            "set llm.gpu_layers to 0, or compile it anew: "
            'CMAKE_ARGS="-DGGML_CUDA=on" pip install --force-reinstall --no-cache-dir llama-cpp-python',
        )


def check_port(settings: Settings) -> Iterator[Finding]:
    """Whether the server could listen where it should."""
    host, port = settings.server.host, settings.server.port
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        yield problem(
            "port", f"{where}: {error.strerror}", "stop what uses it, or --set server.port=7861 (0: any free)"
        )
    else:
        yield ok("port", f"{where} is free" if port else f"{host}, any free port")


def check_language_server(settings: Settings) -> Iterator[Finding]:
    """Whether a remote language model can be reached, where the settings name one."""
    llm = settings.llm
    if llm.engine != "openai":
        return
    url = urlsplit(llm.base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    key = "with a key" if os.environ.get(llm.api_key_env) else f"without a key ({llm.api_key_env} is not set)"
    try:
        socket.create_connection((url.hostname or "", port), timeout=ANSWER_WITHIN_S).close()
    except OSError as error:
        yield warning("llm", f"{llm.base_url} does not answer ({error})", "start the server, or set llm.base_url")
    else:
        yield ok("llm", f"{llm.base_url} listens; it will be asked {key}")


def check_microphone(settings: Settings) -> Iterator[Finding]:
    """Microphones, which are the browsers'; this machine's where a library can tell."""
    if not _is_local(settings.server.host):
        yield warning(
            "microphone",
            f"server.host is {settings.server.host}: browsers on other machines give theirs only to HTTPS pages",
            "put a proxy with TLS before the server, or talk from a browser on this machine",
        )
    if find_spec("sounddevice") is None:
        yield skipped("microphone", "it is the browser's; this machine's own needs the package sounddevice to be seen")
        return
    import sounddevice  # type: ignore[import-not-found, unused-ignore]  # only where the user has installed it

    names = [device["name"] for device in sounddevice.query_devices() if device["max_input_channels"] > 0]
    if names:
        yield ok("microphone", f"on this machine: {', '.join(names)}")
    else:
        yield warning("microphone", "none on this machine", "plug one in, or talk from a browser on another machine")


def _extras(settings: Settings) -> Iterator[str]:
    if settings.asr.engine == "nemotron" or settings.tts.engine == "magpie":
        yield "nemo"
    if settings.llm.engine == "openai":
        yield "openai"
    if settings.mcp:
        yield "mcp"


def _llama_has_gpu() -> bool:
    """Look for the libraries that llama.cpp was compiled to, without loading them."""
    spec = find_spec("llama_cpp")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    return folder is not None and any(any(folder.glob(f"lib*/{name}")) for name in GPU_LIBRARIES)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
