"""The doctor's checks of the machine: Python, packages, processor, GPU, port, microphone."""

import os
import platform
import re
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version

from voiceagent.app.specs import chosen, lanes_on_gpu, wants_gpu
from voiceagent.app.tls import expires_at, require_tls
from voiceagent.config.guard import exposure, is_loopback, read_token, require_guard
from voiceagent.config.settings import Settings
from voiceagent.engines.finding import Finding, ok, problem, warning
from voiceagent.engines.machine import Gpu, cores, cuda_version, processor
from voiceagent.errors import VoiceAgentError

OLDEST_PYTHON = (3, 11)
RENEW_BEFORE = timedelta(days=14)


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
    found = {package: _version(package) for package in _required()}
    if missing := [package for package, version_ in found.items() if version_ is None]:
        yield problem("packages", f"{', '.join(missing)} not installed", "pip install --force-reinstall voiceagent")
    yield ok("packages", ", ".join(f"{package} {version_}" for package, version_ in found.items() if version_))
    for extra, packages in sorted(_extras(settings).items()):
        there = {package: _version(package) for package in packages}
        if missing := [package for package in there if there[package] is None]:
            yield problem("packages", f"{', '.join(missing)} not installed", f"pip install 'voiceagent[{extra}]'")
        else:
            yield ok("packages", ", ".join(f"{package} {there[package]}" for package in there))


def check_processor(settings: Settings) -> Iterator[Finding]:
    """Cores against the threads of each model."""
    available = cores()
    sections = {one.kind: getattr(one.settings, "threads", 1) for one in chosen(settings)}
    if greedy := [f"{name}.threads={threads}" for name, threads in sections.items() if threads > available]:
        text = f"{processor()}, {available} cores, and {', '.join(greedy)}"
        yield warning("processor", text, f"set no more threads than {available}")
    else:
        yield ok("processor", f"{processor()}, {available} cores")


def check_gpus(settings: Settings, gpus: tuple[Gpu, ...]) -> Iterator[Finding]:
    """The GPUs that NVIDIA's driver reports, and whether the settings can use one."""
    wanted = wants_gpu(settings)
    if gpus:
        cuda = cuda_version() or "not known"
        for gpu in gpus:
            memory = "memory shared with the CPU" if gpu.total is None else f"{gpu.total / 2**30:.0f} GiB"
            about = f"compute capability {gpu.compute_capability}, driver {gpu.driver}, CUDA up to {cuda}"
            yield ok("gpu", f"{gpu.name}, {memory}, {about}")
        if not wanted:
            yield warning("gpu", "the settings leave it idle", "try --config rtx5090.yaml or --set llm.gpu_layers=-1")
    elif lanes_on_gpu(settings, has_gpu=False):
        return  # the engine that must run on one says so itself
    elif wanted:
        yield warning("gpu", "nvidia-smi reports none, though the settings would use one", "install NVIDIA's driver")
    else:
        yield ok("gpu", "nvidia-smi reports none, and none is needed")


def check_port(settings: Settings) -> Iterator[Finding]:
    """Whether the server can listen at its address."""
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


def check_recording(settings: Settings) -> Iterator[Finding]:
    """Whether calls are recorded, and can be."""
    folder = settings.session.record
    if folder is None:
        yield ok("recording", "calls are not recorded")
        return
    exists = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if exists.is_dir() and os.access(exists, os.W_OK):
        text = f"calls are recorded in {folder}: callers must know and agree (docs/recording.md)"
        yield warning("recording", text)
    else:
        yield problem("recording", f"{exists} cannot be written", "set session.record to a folder of your own")


def check_access(settings: Settings) -> Iterator[Finding]:
    """Whether others can reach the server, and what they must know then."""
    server = settings.server
    why = exposure(server)
    try:
        require_guard(server)
        guarded = read_token(server) is not None
    except VoiceAgentError as error:
        yield problem("access", str(error).splitlines()[0], "set VOICEAGENT_TOKEN (docs/security.md)")
        return
    if guarded:
        yield ok("access", f"everybody who has the token{'' if why else ', from this machine'}")
    elif why:
        yield warning("access", f"{why}, and server.open lets everybody in who reaches it", "set VOICEAGENT_TOKEN")
    else:
        yield ok("access", "this machine alone")


def check_tls(settings: Settings) -> Iterator[Finding]:
    """The certificate that the server is given."""
    server = settings.server
    if server.tls_cert is None:
        return
    try:
        require_tls(server)
    except VoiceAgentError as error:
        yield problem("tls", str(error), "see docs/security.md")
        return
    expires = expires_at(server.tls_cert)
    text = f"{server.tls_cert} is good until {expires:%Y-%m-%d}"
    if expires - datetime.now(UTC) < RENEW_BEFORE:
        yield warning("tls", text, "renew it, and start the server again")
    else:
        yield ok("tls", text)


def check_microphone(settings: Settings) -> Iterator[Finding]:
    """Microphones of browsers, which may not be allowed theirs; this machine's own are in `sound.py`."""
    if not is_loopback(settings.server.host) and settings.server.tls_cert is None:
        yield warning(
            "microphone",
            f"server.host is {settings.server.host}: browsers on other machines allow theirs only on HTTPS pages",
            "set server.tls_cert and tls_key, or put a proxy with TLS before the server (docs/security.md)",
        )


def _extras(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the extras of `pip install voiceagent[EXTRA]` that the settings need, and their packages."""
    extras = {one.spec.extra: one.spec.packages for one in chosen(settings) if one.spec.extra}
    return extras | ({"mcp": ("mcp",)} if settings.mcp else {})


def _required() -> list[str]:
    """Return the distributions that voiceagent itself says it needs, without extras."""
    names = (re.match(r"[\w.-]+", line) for line in requires("voiceagent") or () if "extra ==" not in line)
    return sorted(name[0] for name in names if name)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
