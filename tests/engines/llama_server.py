"""A real server of OpenAI's protocol for tests: llama-cpp-python's own, in a process of its own, with SmolLM2."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import embedded
import httpx
import pytest

KEY = "open sesame"


@contextmanager
def llama_server():
    """Serve SmolLM2 and give the address and the process; a key is wanted."""
    pytest.importorskip("llama_cpp.server.app")
    model = embedded.model_file("smollm2-135m-instruct-q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", port, "--n_threads", 1, "--n_ctx", 2048, "--api_key", KEY, "--model_alias", "smol"]
    arguments = [sys.executable, "-m", "llama_cpp.server", "--model", model, *options]
    process = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        with httpx.Client(trust_env=False) as http:
            while process.poll() is None:
                try:
                    http.get(f"{url}/models")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
        yield url, process
    finally:
        process.kill()
        process.wait()
