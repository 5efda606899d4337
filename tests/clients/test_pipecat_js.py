"""Pipecat's JavaScript client in Chromium, unmodified: what it does with the server, and what it says of it."""

import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, microphone, start_recording, stop_recording
from click.testing import CliRunner
from programs import NODE_MODULES, bundle

from benchmarks.corpus import CorpusError, questions
from benchmarks.served import running
from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import level_db
from voiceagent.cli.transcribe import transcribe
from voiceagent.text import word_error_rate

pytestmark = [pytest.mark.clients, pytest.mark.browser]

AGENT = Path(__file__).parent / "rtvi_agent.py"
VOICE = np.tile(0.3 * np.sin(2 * np.pi * 150 * np.arange(160) / 16_000), 200).astype(np.float32)  # two seconds
TOKEN = "a-token-of-sixteen-or-more"
LONG = "Welcome. This is a rather long story about a boat on a quiet river. You may interrupt it at any time you like."
COLOUR = {
    "type": "function",
    "function": {
        "name": "favourite_colour",
        "description": "Ask the page which colour its user likes.",
        "parameters": {"type": "object", "properties": {"shade": {"type": "string"}}},
    },
}
PAGE = '<!doctype html><audio id="sound"></audio><script type="module" src="rtvi_page.bundle.js"></script>'


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of a page with the client in it, on another origin than the server's."""
    if not NODE_MODULES.exists():
        pytest.skip("npm packages are missing: run the tests with `make test-clients`")
    folder = tmp_path_factory.mktemp("site")
    bundle("rtvi_page.mjs", folder)
    (folder / "index.html").write_text(PAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def agent(site, *settings, config="scripted.yaml"):
    origin = {"VOICEAGENT_SERVER__ALLOW_ORIGINS": f"[{site}]"}
    with running([sys.executable, str(AGENT), config, *settings], environment=origin) as (url, _):
        yield url


@contextmanager
def client(site, recording, url, body=None, token=None):
    """Give a page whose client has connected."""
    with chromium(recording) as page:
        page.goto(site)
        page.wait_for_function("window.begin !== undefined")
        page.evaluate(
            "([url, body, token]) => begin(url, {transport: 'webrtc', body}, token)", [url, body or {}, token]
        )
        yield page


def events(page, *names):
    """Return what the client reported, all of it or that of some names, as (name, data)."""
    told = page.evaluate("window.events")
    return [(each["event"], each["data"]) for each in told if not names or each["event"] in names]


def wait_for(page, name, count=1):
    page.wait_for_function(
        "([name, count]) => window.events.filter((each) => each.event === name).length >= count", arg=[name, count]
    )


def says(page, name):
    return [data["text"] for _, data in events(page, name)]


def in_order(page, *names):
    """Check that these events came, in this order; others may lie between them."""
    told = [name for name, _ in events(page)]
    left = iter(told)
    missing = next((name for name in names if name not in left), None)
    assert missing is None, (missing, " ".join(told))


def test_a_spoken_conversation_of_two_turns(site, tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 2.0, VOICE, 6.0, VOICE, 30.0)
    with agent(site) as url, client(site, recording, url) as page:
        start_recording(page)
        wait_for(page, "botStoppedSpeaking", 2)
        heard = read_audio(stop_recording(page, tmp_path / "agent.webm"))
        in_order(
            page,
            *("botStarted", "connected", "botConnected", "botReady"),
            *("userStartedSpeaking", "userTranscript", "userStoppedSpeaking", "userLlmText", "botLlmStarted"),
            *("botTtsStarted", "botLlmText", "botStartedSpeaking", "botTtsText"),
            *("botTtsStopped", "botStoppedSpeaking", "metrics"),
            *("userStartedSpeaking", "userTranscript", "userStoppedSpeaking", "userLlmText", "botLlmStarted"),
            *("botStartedSpeaking", "botStoppedSpeaking", "metrics"),
        )
        (ready,) = [data for _, data in events(page, "botReady")]
        assert ready["version"] == "2.2.0"
        assert ready["about"]["library"] == "voiceagent"
        assert len(events(page, "userStartedSpeaking")) == len(events(page, "userStoppedSpeaking")) == 2
        transcripts = [data for _, data in events(page, "userTranscript")]
        first, second = [data["text"] for data in transcripts if data["final"]]
        assert [first, second] == ["Hello, can you hear me?", "Tell me something about the sea."]
        assert [first, second] == says(page, "userLlmText")
        assert any(not data["final"] and first.startswith(data["text"]) for data in transcripts)
        assert "".join(says(page, "botLlmText")).split() == (
            f"You said: {first} That was turn one. You said: {second} That was turn two.".split()
        )
        assert " ".join(says(page, "botTtsText")) == " ".join(says(page, "botTranscript"))
        for segment in {data["segment_id"] for _, data in events(page, "botOutput")}:
            told = [data for _, data in events(page, "botOutput") if data["segment_id"] == segment]
            words = told[0]["text"].split()
            statuses = ["new", *["in-progress"] * (len(words) - 1), "completed"]
            assert [data["spoken_status"] for data in told] == statuses
            assert [len(data["spoken_progress"]["accumulated_text"].split()) for data in told] == [
                *range(len(words) + 1)
            ]
        measured = events(page, "metrics")[0][1]
        assert {each["processor"] for each in measured["ttfb"]} == {"asr", "llm", "tts"}
        assert {each["processor"] for each in measured["processing"]} == {"voice-to-voice"}
        in_order(page, "botLlmStarted", "botLlmStopped", "botStoppedSpeaking", "botLlmStarted", "botLlmStopped")
        assert not events(page, "error", "messageError")
        assert level_db(heard) > -40


def test_speaking_interrupts_the_agent(site, tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 3.5, VOICE, 30.0)
    with agent(site) as url, client(site, recording, url, {"greeting": LONG}) as page:
        wait_for(page, "botStoppedSpeaking", 2)
        in_order(
            page,
            *("botReady", "botStartedSpeaking", "userStartedSpeaking", "botStoppedSpeaking", "botTtsStopped"),
            *("userStoppedSpeaking", "botLlmStarted", "botStartedSpeaking", "botStoppedSpeaking"),
        )
        output = [data for _, data in events(page, "botOutput")]
        story = [data for data in output if data["text"] in LONG]
        assert story[0]["text"].startswith("Welcome.")
        assert story[-1]["spoken_status"] == "in-progress"  # the rest was not heard
        assert output[-1]["spoken_status"] == "completed"
        assert says(page, "botTranscript")[-2:] == ["You said: Hello, can you hear me?", "That was turn one."]


def test_typing_functions_requests_and_coming_back(site, tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 120.0)
    body = {"tools": [COLOUR, "opening_hours"], "unknown": 1}
    with agent(site, f"server.token={TOKEN}") as url, client(site, recording, url, body, TOKEN) as page:
        (started,) = [data for _, data in events(page, "botStarted")]
        assert started["ignored"] == ["unknown"]

        page.evaluate("client.sendText('Please tell me the favourite colour of the sky.')")  # runs in the page
        wait_for(page, "botStoppedSpeaking")
        in_order(
            page,
            *("userLlmText", "botLlmStarted", "llmFunctionCallStarted", "llmFunctionCallInProgress"),
            *("llmFunctionCallStopped", "botLlmText", "botStartedSpeaking", "botStoppedSpeaking"),
        )
        (call,) = [data for _, data in events(page, "llmFunctionCallInProgress")]
        assert (call["function_name"], call["arguments"]) == ("favourite_colour", {"shade": "sky"})
        (stopped,) = [data for _, data in events(page, "llmFunctionCallStopped")]
        assert stopped["tool_call_id"] == call["tool_call_id"]
        assert (stopped["cancelled"], stopped["result"]) == (False, "It is green, as a sky is.")
        assert " ".join(says(page, "botTtsText")) == stopped["result"]

        page.evaluate("client.sendText('The opening hours of the bakery')")  # runs in the server
        wait_for(page, "botStoppedSpeaking", 2)
        assert says(page, "botTranscript")[-1] == "The bakery is open until nine."
        call = events(page, "llmFunctionCallInProgress")[1][1]
        assert call["function_name"] == "opening_hours"
        assert "arguments" not in call

        page.evaluate("client.sendText('Only in writing.', {audio_response: false})")
        wait_for(page, "botLlmStopped", 3)
        assert "".join(says(page, "botLlmText")).endswith("You said: Only in writing. That was turn 3.")
        assert len(events(page, "botStartedSpeaking")) == 2

        assert page.evaluate("ask('dance', {})") == {
            "refused": "There is no client message 'dance'; there are configure, say, interrupt."
        }
        assert "There is no voice 'nobody'" in page.evaluate("ask('configure', {voice: 'nobody'})")["refused"]
        assert page.evaluate("ask('configure', {voice: 'high'})") == {"answer": {"ignored": []}}

        for again, recreate in enumerate(("false", "true"), 4):  # a second offer; another RTCPeerConnection
            page.evaluate(f"transport.attemptReconnection({recreate})")
            page.wait_for_function("transport.dc.readyState === 'open'")
            page.evaluate("client.sendText('Still there?')")
            wait_for(page, "botTtsStopped", again - 1)
            turn = {4: "four", 5: "five"}[again]
            assert says(page, "botTranscript")[-1] == f"That was turn {turn}."

        page.evaluate("client.disconnect()")
        page.evaluate("([url, token]) => begin(url, {}, token)", [url, TOKEN])
        page.evaluate("client.sendText('Hello again.')")
        wait_for(page, "botLlmStopped", 6)
        assert says(page, "botTranscript")[-1] == "That was turn one."

        page.evaluate("client.disconnectBot()")
        wait_for(page, "botDisconnected")
        wait_for(page, "disconnected", 2)


def test_a_call_that_is_interrupted_is_cancelled(site, tmp_path):
    recording = microphone(tmp_path / "microphone.wav", 60.0)
    with agent(site, "session.tool_filler=") as url, client(site, recording, url) as page:
        page.evaluate("client.sendText('Search the web')")
        wait_for(page, "llmFunctionCallInProgress")
        page.evaluate("client.sendText('Never mind.')")
        wait_for(page, "botStoppedSpeaking")
        (stopped,) = [data for _, data in events(page, "llmFunctionCallStopped")]
        assert stopped["cancelled"] is True
        in_order(page, "llmFunctionCallInProgress", "llmFunctionCallStopped", "botLlmStopped", "botLlmStarted")


@pytest.mark.models
def test_a_spoken_question_is_understood_and_answered_by_real_models(site, tmp_path):
    try:
        (clip,) = questions(1)
    except CorpusError as error:
        pytest.skip(str(error))
    recording = microphone(tmp_path / "microphone.wav", 2.0, clip.pcm, 30.0)
    with agent(site, config="cpu.yaml") as url, client(site, recording, url) as page:
        start_recording(page)
        wait_for(page, "botStoppedSpeaking")
        page.wait_for_timeout(500)
        heard = stop_recording(page, tmp_path / "agent.webm")
        (question,) = says(page, "userLlmText")
        errors, count = word_error_rate(clip.text, question)
        assert errors <= 0.2 * count, question
        answer = " ".join(says(page, "botTranscript"))
        assert " ".join(says(page, "botTtsText")) == answer
        written = CliRunner().invoke(transcribe, [str(heard)]).output
        errors, count = word_error_rate(answer, written)
        assert errors <= max(3, 0.4 * count), (answer, written)
