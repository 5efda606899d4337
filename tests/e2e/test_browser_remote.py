"""A conversation whose language model is served by another process: llama.cpp's OpenAI-compatible server.

Nothing is different but the settings; the browser, the server and the model are real.
"""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import embedded
import httpx
import pytest
from conftest import chromium, microphone
from test_browser_talk import connect, texts, wait_for_answers

from benchmarks.served import serving

pytestmark = [pytest.mark.browser, pytest.mark.models]
pytest.importorskip("openai")

KEY = "open sesame"
SPEECH = ("asr.engine=scripted", "tts.engine=scripted", "vad.engine=scripted", "turn.detector=silence")


@contextmanager
def llama_server():
    """Serve SmolLM2 and give the address; a key is wanted."""
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


def ask(page, text):
    page.get_by_label("Message to the agent").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_remote_model_holds_the_conversation_and_its_loss_is_apologised_for(tmp_path, monkeypatch):
    recording = microphone(tmp_path / "microphone.wav", 120.0)
    monkeypatch.setenv("OUR_KEY", KEY)
    with llama_server() as (address, process):
        remote = (f"llm.base_url={address}", "llm.model=smol", "llm.api_key_env=OUR_KEY", "llm.temperature=0")
        brief = ("llm.max_tokens=40", "llm.timeout_s=60", "session.greeting=", "session.idle_s=0")
        with serving("vllm.yaml", [*remote, *brief, *SPEECH]) as url, chromium(recording) as page:
            connect(page, url)
            ask(page, "What is the capital of France?")
            wait_for_answers(page, 1)
            assert "Paris" in texts(page, "agent")[0]
            process.kill()
            ask(page, "And of Italy?")
            wait_for_answers(page, 2)
            assert "something went wrong" in texts(page, "agent")[-1]
