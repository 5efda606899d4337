"""Calls as Twilio brings them, to a whole server with scripted engines."""

import asyncio
import base64
import json
import logging
from contextlib import asynccontextmanager

import numpy as np
import pytest
from starlette.websockets import WebSocketState
from telephones import LONG, telephone_server, voice
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from benchmarks.telephone import TwilioPhone
from voiceagent.doors.connections import Connections
from voiceagent.doors.telephony import twilio
from voiceagent.doors.telephony.signature import HEADER, signature
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.testing import scripted_engines

WORD_S = 0.1
START = {"event": "start", "start": {"streamSid": "MZ1", "customParameters": {}}}


def turns_of(server):
    turns = []
    server.agent.on("turn")(turns.append)
    return turns


@asynccontextmanager
async def raw(server, *messages):
    """A client without manners."""
    async with connect(server.url.replace("http", "ws") + "/telephony/twilio") as socket:
        for message in messages:
            await socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        yield socket


async def ended(socket):
    """Return code and words of the close."""
    async with asyncio.timeout(60):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


@pytest.mark.realtime
def test_a_caller_speaks_is_understood_and_hears_the_answer_at_8_khz():
    async def main():
        async with telephone_server() as (server, _):
            turns = turns_of(server)
            async with TwilioPhone(server.url) as phone:
                await phone.say(voice(1.1))
                await phone.until(lambda: turns)
                assert turns[0].user_text.startswith("Hello, can you")
                assert turns[0].outcome == "completed"
                await phone.until(lambda: len(phone.marks) > 4)
                spoken = phone.heard()
                words = len(turns[0].agent_text.split())
                assert len(spoken) / 8000 == pytest.approx(words * 0.3, abs=0.6), "three tenths for each word"
                pitch = np.argmax(np.abs(np.fft.rfft(spoken))) * 8000 / len(spoken)
                assert 200 < pitch < 300, "the tones of the scripted voice, not an octave off"
                described = await server.sessions()
                assert described[0]["connection"] == "twilio"
            await server.empty()

    asyncio.run(main())


@pytest.mark.realtime
@pytest.mark.parametrize("lag_s", [0.0, 0.6])
def test_a_caller_who_interrupts_is_cut_off_and_only_what_was_played_is_remembered(lag_s):
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return LONG

    async def main():
        engines = scripted_engines(llm=ScriptedLlm(reply), tts=ScriptedTts(word_s=WORD_S))
        async with telephone_server(engines=engines) as (server, _):
            turns = turns_of(server)
            async with TwilioPhone(server.url, lag_s=lag_s) as phone:
                await phone.say(voice(1.1))
                await phone.until(lambda: len(phone.heard()) > 0.9 * 8000)
                await phone.say(voice(1.1))
                await phone.until(lambda: len(turns) > 1)
                said = next(m.content for m in prompts[-1] if m.role == "assistant")
                assert LONG.startswith(said.rstrip(" .…-"))
                return turns[0].outcome, len(said.split()), phone.cut_at_s[0]

    outcome, words, played_s = asyncio.run(main())
    assert outcome == "interrupted"
    assert 4 <= words <= played_s / WORD_S + 1
    assert words < len(LONG.split())


def test_keys_reach_the_model_as_text():
    prompts = []

    def reply(messages):
        prompts.append(messages[-1].content)
        return "Thank you."

    async def main():
        async with telephone_server(engines=scripted_engines(llm=ScriptedLlm(reply))) as (server, _):
            turns = turns_of(server)
            async with TwilioPhone(server.url) as phone:
                for digit in "42#":
                    await phone.press(digit)
                await phone.until(lambda: turns)
                assert turns[0].agent_text == "Thank you."

    asyncio.run(main())
    assert prompts == ["(The caller pressed 4 2 #.)"]


def test_parameters_configure_a_call_only_where_the_settings_let_them():
    async def main():
        given = {"voice": "high", "prompt": "You are a pirate.", "ours": "anything"}
        async with telephone_server() as (server, _), TwilioPhone(server.url, given) as phone:
            await phone.until(lambda: phone.closed)
            assert phone.closed == (1008, "The parameter 'prompt' is not allowed here: add it to telephony.parameters.")
        allowed = "telephony.parameters=[voice, prompt, greeting]"
        async with telephone_server(allowed) as (server, _):
            async with TwilioPhone(server.url, given | {"greeting": "Ahoy."}) as phone:
                await phone.until(phone.is_spoken_to)
                (session,) = server.agent._sessions
                assert session.config.system_prompt == "You are a pirate."
                assert session.config.voice == "high"
            async with TwilioPhone(server.url, {"voice": "growl"}) as phone:
                await phone.until(lambda: phone.closed)
                assert phone.closed[0] == 1008
                assert "Choose one of low, high" in phone.closed[1]
            await server.empty()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["stop", "close", "vanish"])
def test_hanging_up_ends_the_session_at_once(how):
    async def main():
        async with telephone_server("session.greeting='Hello there.'") as (server, _), raw(server, START) as socket:
            await socket.recv()
            (session,) = server.agent._sessions
            match how:
                case "stop":
                    await socket.send('{"event": "stop", "stop": {}}')
                    assert (await ended(socket))[0] == 1000
                case "close":
                    await socket.close()
                case "vanish":
                    socket.transport.abort()
            await server.empty()
            assert session.state.closed

    asyncio.run(main())


def test_where_there_is_no_place_the_number_is_busy_and_a_stream_is_told_to_try_later():
    async def main():
        async with telephone_server("server.max_sessions=1") as (server, _):
            free = await server.http.post("/telephony/twilio/voice")
            async with TwilioPhone(server.url):
                while not await server.sessions():  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0.01)
                busy = await server.http.post("/telephony/twilio/voice")
                assert '<Reject reason="busy"/>' in busy.text
                async with raw(server, START) as socket:
                    code, words = await ended(socket)
                    assert (code, words[:24]) == (1013, "All 1 places are taken. ")
            host = server.url.removeprefix("http://")
            assert f'<Connect><Stream url="ws://{host}/telephony/twilio"></Stream></Connect>' in free.text
            assert free.headers["content-type"].startswith("application/xml")

    asyncio.run(main())


def test_the_answer_names_the_public_address_and_passes_parameters_on():
    async def main():
        async with telephone_server("telephony.public_url=https://agent.example.org/v/") as (server, _):
            answer = await server.http.post("/telephony/twilio/voice?voice=high&prompt=Say %22hi%22%26&more=no")
            assert '<Stream url="wss://agent.example.org/v/telephony/twilio">' in answer.text
            assert '<Parameter name="voice" value="high"/>' in answer.text
            assert """<Parameter name="prompt" value='Say "hi"&amp;'/>""" in answer.text
            assert "more" not in answer.text

    asyncio.run(main())


def test_with_an_auth_token_only_what_twilio_signed_comes_in():
    async def main():
        sets = (
            "telephony.twilio_auth_token=abc",
            "telephony.public_url=https://agent.example.org",
            "server.token=the-token-of-every-other-door",
        )
        async with telephone_server(*sets, "session.greeting=Hello.") as (server, _):
            assert (await server.http.get("/api/sessions")).status_code == 401
            form = {"From": "+15550001111", "CallSid": "CA1"}
            url = "https://agent.example.org/telephony/twilio/voice"
            signed = {HEADER: signature("abc", url, form.items())}
            good = await server.http.post("/telephony/twilio/voice", data=form, headers=signed)
            assert "<Stream" in good.text
            for data, headers in ((form, {}), (form | {"From": "+1"}, signed), (form, {HEADER: "x"})):
                bad = await server.http.post("/telephony/twilio/voice", data=data, headers=headers)
                assert bad.status_code == 403
                assert "telephony.twilio_auth_token" in bad.text

            address = server.url.replace("http", "ws") + "/telephony/twilio"
            with pytest.raises(InvalidStatus) as refused:
                async with connect(address):
                    pass
            assert refused.value.response.status_code == 403
            signed = {HEADER: signature("abc", "wss://agent.example.org/telephony/twilio")}
            async with connect(address, additional_headers=signed) as socket:
                await socket.send(json.dumps(START))
                assert json.loads(await socket.recv())["event"] == "media"

    asyncio.run(main())


MEDIA = {"event": "media", "media": {"track": "inbound", "payload": "////"}}
LOUD = {"event": "media", "media": {"payload": base64.b64encode(bytes(8000)).decode()}}
ALAW = {"event": "start", "start": {"streamSid": "MZ1", "mediaFormat": {"encoding": "audio/x-alaw"}}}
BAD = {
    "not JSON": (["{"], 1008, "not JSON"),
    "no object": (["[]"], 1008, 'an "event"'),
    "nested too deep": (["[" * 30_000], 1008, "not JSON"),
    "binary": ([b"\x00\x01"], 1008, "binary"),
    "oversize": (["x" * 64_001], 1009, "64000 are the most"),
    "media before start": ([MEDIA], 1008, "came before the start message"),
    "no stream": ([{"event": "start", "start": {}}], 1008, "streamSid"),
    "another codec": ([ALAW], 1008, "audio/x-mulaw"),
    "two starts": ([START, START], 1008, "started already"),
    "no payload": ([START, {"event": "media", "media": {}}], 1008, "base64"),
    "no base64": ([START, {"event": "media", "media": {"payload": "*"}}], 1008, "base64"),
    "no key": ([START, {"event": "dtmf", "dtmf": {"digit": "x"}}], 1008, "no key"),
    "no digit": ([START, {"event": "dtmf", "dtmf": {}}], 1008, "no key"),
    "a machine's keys": ([START, *[{"event": "dtmf", "dtmf": {"digit": "5"}}] * 210], 1008, "faster"),
    "too fast": ([START, *[LOUD] * 12], 1008, "faster than it is spoken"),
}


@pytest.mark.parametrize(("messages", "code", "words"), BAD.values(), ids=BAD)
def test_bad_input_ends_that_call_with_a_reason_logged_once_and_no_other(messages, code, words, caplog):
    caplog.set_level(logging.WARNING)

    async def main():
        greeting = "session.greeting='Hello there, and welcome.'"
        async with telephone_server(greeting) as (server, _), TwilioPhone(server.url) as other:
            await other.until(other.is_spoken_to)
            async with raw(server, *messages) as socket:
                got, reason = await ended(socket)
            assert got == code
            assert words in reason
            before = len(other.played)
            await other.until(lambda: len(other.played) > before)
            assert len(await server.sessions()) == 1
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    assert asyncio.run(main()) == ["call refused"]


def test_what_the_protocol_may_come_to_say_is_ignored():
    async def main():
        async with telephone_server("session.greeting='Hello there.'") as (server, _):
            unknown = [{"event": "connected"}, START, {"event": "weather"}, {"event": "mark", "mark": {"name": "x"}}]
            outbound = {"event": "media", "media": {"track": "outbound", "payload": 5}}
            async with raw(server, *unknown, outbound) as socket:
                assert json.loads(await socket.recv())["event"] == "media"
                assert len(await server.sessions()) == 1

    asyncio.run(main())


def test_a_client_that_never_starts_is_sent_away(monkeypatch):
    monkeypatch.setattr(twilio, "START_S", 0.1)

    async def main():
        async with telephone_server() as (server, _), raw(server, {"event": "connected"}) as socket:
            assert await ended(socket) == (1008, "No start message came within 0.1 s.")

    asyncio.run(main())


class DeafSocket:
    """A WebSocket whose client takes nothing."""

    application_state = client_state = WebSocketState.CONNECTED

    def __init__(self):
        self.messages = [{"type": "websocket.receive", "text": json.dumps(START)}]

    async def accept(self):
        pass

    async def receive(self):
        if self.messages:
            return self.messages.pop()
        return await asyncio.get_running_loop().create_future()

    async def send_text(self, text):
        await asyncio.get_running_loop().create_future()

    async def close(self, code, reason):
        self.application_state = WebSocketState.DISCONNECTED


def test_a_client_that_never_reads_is_cut_off(monkeypatch, caplog):
    monkeypatch.setattr(twilio, "SEND_S", 0.1)

    async def main():
        async with telephone_server("session.greeting='Hello there.'") as (server, _):
            connections = Connections(server.agent)
            socket = DeafSocket()
            async with asyncio.timeout(60):
                await twilio.TwilioStream(socket, server.agent, connections, ()).serve()
            assert socket.application_state is WebSocketState.DISCONNECTED
            assert connections.sessions() == []

    asyncio.run(main())
    assert [r.getMessage() for r in caplog.records].count("call ended: nothing is read of it") == 1
