"""The services on ports of their own: each has its routes and no others'."""

import asyncio
import io
import socket
import wave
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
from loopback import House, open_server
from service_clients import client

from voiceagent.doors.services import ports
from voiceagent.errors import VoiceAgentError

STT, TTS, LLM = "services.stt_port", "services.tts_port", "services.llm_port"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@asynccontextmanager
async def service(setting, *sets):
    port = free_port()
    async with open_server(f"{setting}={port}", *sets) as house:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url) as http:
            yield House(url, house.agent, http)


def ask(setting, method, path, *sets, **request):
    async def main():
        async with service(setting, *sets) as house:
            return await house.http.request(method, path, **request)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("setting", "path", "first"),
    [(STT, "/", {"type": "ready"}), (TTS, "/ws/tts/stream", {"type": "pong"})],
)
def test_a_service_is_served_on_its_own_port(setting, path, first):
    async def main():
        async with service(setting) as house, client(house, path) as served:
            if first["type"] == "pong":
                await served.send(type="ping")
            assert await served.next() == first

    asyncio.run(main())


@pytest.mark.parametrize("setting", [STT, TTS, LLM])
def test_its_health_is_told_as_its_clients_ask_for_it(setting):
    assert ask(setting, "GET", "/health").json() == {"status": "healthy", "model_loaded": True}


@pytest.mark.parametrize(
    ("setting", "method", "path"),
    [
        (STT, "POST", "/v1/audio/speech"),
        (TTS, "POST", "/completion"),
        (LLM, "GET", "/v1/audio/config"),
        (TTS, "GET", "/"),
    ],
)
def test_a_port_has_no_other_routes(setting, method, path):
    assert ask(setting, method, path).status_code == 404


def test_the_form_of_the_audio_and_its_voices_are_told():
    assert ask(TTS, "GET", "/v1/audio/config").json() == {
        "sample_rate": 22_000,
        "channels": 1,
        "encoding": "pcm_s16le",
        "voices": ["low", "high", "aria", "jason", "john", "leo", "sofia"],
        "languages": ["en"],
    }


def test_a_text_is_returned_as_raw_audio_whole():
    answer = ask(TTS, "POST", "/v1/audio/speech", json={"input": "One two three.", "voice": "aria", "language": "en"})
    assert answer.headers["content-type"] == "audio/pcm"
    seconds = len(answer.content) / 2 / 22_000
    assert abs(seconds - 0.9) < 0.003
    assert answer.headers["x-sample-rate"] == "22000"
    assert answer.headers["x-encoding"] == "pcm_s16le"
    assert answer.headers["x-channels"] == "1"
    assert abs(int(answer.headers["x-duration-ms"]) - 900) < 3


def test_a_text_is_returned_as_a_wav_file_at_the_rate_that_is_set():
    request = {"input": "One two.", "response_format": "wav"}
    answer = ask(TTS, "POST", "/v1/audio/speech", "services.tts_rate=16000", json=request)
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert abs(file.getnframes() - 9600) < 60


@pytest.mark.parametrize(
    ("request_body", "status", "told"),
    [
        ({"input": ""}, 400, "not empty"),
        ({"voice": "aria"}, 400, "not empty"),
        ({"input": "x" * 4001}, 400, "at most 4000"),
        ({"input": "Hi.", "voice": "nobody"}, 400, "low, high, aria"),
        ({"input": "Hi.", "language": "tlh"}, 400, "Languages: en"),
        ({"input": "Hi.", "response_format": "mp3"}, 400, "pcm, wav"),
        ([], 400, "JSON object"),
        ({"input": "x" * 300_000}, 413, "larger"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_in_the_form_of_that_server(request_body, status, told):
    answer = ask(TTS, "POST", "/v1/audio/speech", json=request_body)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_a_text_for_which_there_is_no_voice_is_refused():
    answer = ask(TTS, "POST", "/v1/audio/speech", "server.speech_streams=0", json={"input": "Hi."})
    assert answer.status_code == 503
    assert "server.speech_streams" in answer.json()["detail"]


def test_a_port_in_use_is_an_error_that_names_it():
    async def main():
        async with ports.serve("STT", "127.0.0.1", port, []):
            pass

    with ExitStack() as taken:
        port = taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        with pytest.raises(VoiceAgentError, match=f":{port} for the STT service"):
            asyncio.run(main())


def test_a_port_is_closed_with_the_server_and_its_clients_are_told():
    async def main():
        async with service(STT) as house:
            stt = client(house, "/")
            served = await stt.__aenter__()
            assert await served.next() == {"type": "ready"}
            port = int(house.url.rsplit(":", 1)[1])
        assert await served.closed() == 1012
        await stt.__aexit__(None, None, None)
        with socket.create_server(("127.0.0.1", port)):
            pass

    asyncio.run(main())
