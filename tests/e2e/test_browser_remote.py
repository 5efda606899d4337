"""A conversation whose language model is served by another process: llama.cpp's OpenAI-compatible server.

Nothing is different but the settings; the browser, the server and the model are real.
"""

import pytest
from browser import chromium, microphone
from llama_server import KEY, llama_server
from test_browser_talk import connect, texts, wait_for_answers

from benchmarks.served import serving

pytestmark = [pytest.mark.thorough, pytest.mark.browser, pytest.mark.models, pytest.mark.realtime]
pytest.importorskip("openai")

SPEECH = ("asr.engine=scripted", "tts.engine=scripted", "vad.engine=scripted", "turn.engine=silence")


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
