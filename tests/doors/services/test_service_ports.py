"""The services on ports of their own: each has its routes and no others'."""

import asyncio
import io
import socket
import subprocess
import sys
import wave
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
from loopback import House, open_server
from service_clients import client
from websockets.exceptions import InvalidStatus

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access import Access
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
            yield House(url, house.agent, http, house.connections)


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


def test_a_client_that_comes_while_the_models_load_is_told_to_come_back():
    async def main():
        async with open_server(start=False) as house:
            for path in ("/", "/ws/tts/stream"):
                async with client(house, path) as served:
                    error = await served.next()
                    assert error["type"] == "error"
                    assert "Still loading" in error["message"]
                    assert await served.closed() == 1013
            prompt = "<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n"
            answer = await house.http.post("/completion", json={"prompt": prompt})
            assert answer.status_code == 503
            assert "Still loading" in answer.json()["error"]["message"]

    asyncio.run(main())


def test_a_port_in_use_is_an_error_that_names_it():
    async def main():
        async with ports.serve("services.stt_port", port, [], ServerSettings(), Access(ServerSettings())):
            pass

    with ExitStack() as taken:
        port = taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        with pytest.raises(VoiceAgentError, match=rf":{port} \(Address already in use\).*services.stt_port={port + 1}"):
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


@pytest.mark.parametrize("setting", [STT, TTS, LLM])
@pytest.mark.parametrize("headers", [{"Host": "evil.example.org"}, {"Origin": "https://evil.example.org"}])
def test_a_port_lets_in_nobody_whom_the_server_does_not(setting, headers):
    path = {STT: "/", TTS: "/v1/audio/config", LLM: "/props"}[setting]
    assert ask(setting, "GET", path, headers=headers).status_code in (403, 421)


def test_a_port_asks_for_the_token_of_the_server():
    async def main():
        token = "a-long-enough-secret-token-0123456789"
        async with service(TTS, f"server.token={token}") as house:
            assert (await house.http.get("/v1/audio/config")).status_code == 401
            bearer = {"Authorization": f"Bearer {token}"}
            assert (await house.http.get("/v1/audio/config", headers=bearer)).status_code == 200
            with pytest.raises(InvalidStatus, match="401"):
                await client(house, "/ws/tts/stream").__aenter__()
            async with client(house, f"/ws/tts/stream?token={token}") as tts:
                await tts.send(type="ping")
                assert await tts.next() == {"type": "pong"}

    asyncio.run(main())


def test_a_server_whose_service_port_is_taken_says_so_in_one_line_and_loads_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sets = ("server.port=0", f"services.stt_port={port}", "trace.log_level=warning")
        command = [sys.executable, "-m", "voiceagent", "serve", "--config", "scripted.yaml"]
        command += [part for one in sets for part in ("--set", one)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(f"Error: Cannot listen on 127.0.0.1:{port}")
