"""RTVI over a WebSocket: conversations, and clients that misbehave."""

import asyncio
import base64
import json
import logging
from contextlib import asynccontextmanager
from types import MappingProxyType

import numpy as np
import pytest
from loopback import open_server
from rtvi_caller import PATIENCE_S, rtvi_caller

from voiceagent.audio.pcm import from_s16, level_db, to_s16
from voiceagent.doors.rtvi.conversation import BURST
from voiceagent.doors.rtvi.socket import MOST_WAITING, RtviSocket
from voiceagent.testing import scripted_engines

RATE = 24_000
TONE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(RATE * 2) / RATE)).astype(np.float32)


def talk(scene, *sets, query="", version="2.2.0", engines=None):
    """Play a scene with one caller, and see that nothing is left of it."""

    async def main():
        async with open_server(*sets, engines=engines) as house:
            async with rtvi_caller(house, query, version) as caller:
                await scene(house, caller)
            await house.empty()

    asyncio.run(main())


def raw(pcm, rate=RATE, **changes):
    return {"base64Audio": base64.b64encode(to_s16(pcm)).decode(), "sampleRate": rate, "numChannels": 1, **changes}


@pytest.mark.realtime
def test_speech_in_messages_is_heard_and_answered_aloud():
    async def scene(house, caller):
        for begin in range(0, RATE * 4, RATE // 25):
            part = TONE[begin : begin + RATE // 25]
            await caller.send("raw-audio", raw(part if len(part) else np.zeros(RATE // 25, np.float32)))
            await asyncio.sleep(0.04)
        await caller.until("bot-stopped-speaking")
        assert (await caller.until("user-llm-text"))["text"] == "Hello, can you hear me?"
        assert " ".join(each["data"]["text"] for each in caller.of("bot-tts-text")) == (
            "You said: Hello, can you hear me? That was turn one."
        )
        audio = [each["data"] for each in caller.of("bot-tts-audio")]
        assert {each["num_channels"] for each in audio} == {1}
        sound = np.concatenate([from_s16(base64.b64decode(each["audio"])) for each in audio])
        assert len(sound) / audio[0]["sample_rate"] > 3
        assert level_db(sound) > -40

    talk(scene)


def test_what_comes_before_the_client_is_ready_waits_for_it():
    async def scene(house, caller):
        await caller.send("send-text", {"content": "Early."}, "0")
        await caller.send("client-message", {"t": "configure", "d": {}}, "early")
        await caller.until("server-response")
        assert [message["type"] for message in caller.messages] == ["server-response"]
        await caller.send("client-ready", {"version": "2.1.0"}, "ready")
        await caller.until("bot-stopped-speaking")
        assert caller.messages[1]["type"] == "bot-ready"
        assert caller.messages[1]["id"] == "ready"
        assert " ".join(each["data"]["text"] for each in caller.of("bot-transcription")) == "Good day."

    talk(scene, "session.greeting=Good day.", version=None)


def test_a_client_of_version_1_is_told_its_own_version():
    async def scene(house, caller):
        assert caller.of("bot-ready")[0]["data"]["version"] == "1.0.1"
        await caller.send("send-text", {"content": "Hi."}, "0")
        assert (await caller.until("bot-output"))["spoken"] is False
        assert not caller.of("error-response")

    talk(scene, version="1.0.1")


def test_a_client_of_an_unknown_version_is_told_so_and_served():
    async def scene(house, caller):
        (complaint,) = caller.of("error-response")
        assert complaint["id"] == "ready"
        assert "The client speaks RTVI 9.0.0. This server speaks RTVI 2.2.0" in complaint["data"]["error"]

    talk(scene, version="9.0.0")


def test_text_that_needs_no_answer_now_is_kept_in_mind():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return "Hello, Ada."

    async def scene(house, caller):
        await caller.send("send-text", {"content": "My name is Ada.", "options": {"run_immediately": False}}, "a")
        await caller.send("append-to-context", {"role": "user", "content": "I am 36."}, "b")
        await caller.send("send-text", {"content": "Hello.", "options": {"audio_response": False}}, "c")
        await caller.until("bot-llm-stopped")
        assert [message.content for message in prompts[-1][1:]] == ["My name is Ada. I am 36. Hello."]
        assert len(caller.of("bot-llm-started")) == 1
        assert not caller.of("bot-started-speaking")
        assert not caller.of("bot-tts-audio")

    talk(scene, engines=scripted_engines(llm=reply))


def test_the_result_of_a_call_that_nobody_made_is_refused():
    async def scene(house, caller):
        await caller.send("llm-function-call-result", {"tool_call_id": "nobody", "result": {}}, "late")
        assert "No function call 'nobody' is under way" in (await caller.until("error-response"))["error"]

    talk(scene)


REFUSED = (
    ("dance", {}, "does not take 'dance'; it takes send-text"),
    ("ui-event", {"event": "click"}, "does not take 'ui-event'"),
    ("send-text", {}, "send-text needs a content"),
    ("send-text", {"content": "   "}, "send-text needs a content"),
    ("send-text", {"content": "x" * 4001}, "1 to 4000 characters"),
    ("send-text", {"content": ["x"]}, "send-text needs a content"),
    ("send-text", {"content": "x", "options": {"run_immediately": 1}}, "true or false"),
    ("send-text", {"content": "x", "options": [1]}, "true or false"),
    ("dtmf", {"buttons": ["1", "x"]}, "has no key 'X'"),
    ("dtmf", {"buttons": "12"}, "a list of keys"),
    ("dtmf", {"buttons": []}, "a list of keys"),
    ("dtmf", {"buttons": [["1"]]}, "a list of keys"),
    ("client-message", {"t": ["x"]}, "There is no client message"),
    ("client-message", {"t": "configure", "d": 1}, "configure takes an object"),
    ("client-message", {"t": "configure", "d": {"voice": "nobody"}}, "There is no voice 'nobody'"),
    ("client-message", {"t": "configure", "d": {"temperature": 9}}, "A temperature is a number from 0 to 2"),
    ("client-message", {"t": "configure", "d": {"tools": ["fly"]}}, "There is no tool fly"),
    ("client-message", {"t": "say", "d": {}}, "say takes"),
    ("client-message", {"t": "eval-image", "d": {}}, "sees no images"),
    ("client-message", {"t": "eval-context", "d": {"messages": "x"}}, "eval-context needs messages"),
    ("llm-function-call-result", {"tool_call_id": 1}, "needs the tool_call_id"),
    ("raw-audio", {}, "raw-audio needs base64Audio"),
    ("raw-audio", {"base64Audio": "AAAA", "sampleRate": 1e9, "numChannels": 1}, "raw-audio needs"),
    ("raw-audio", {"base64Audio": "AAAA", "sampleRate": 16000, "numChannels": 6}, "raw-audio needs"),
    ("raw-audio", {"base64Audio": "A", "sampleRate": 16000, "numChannels": 1}, "not base64"),
    ("raw-audio", {"base64Audio": "!!!!", "sampleRate": 16000, "numChannels": 1}, "not base64"),
    ("raw-audio", {"base64Audio": "AAAA", "sampleRate": 16000, "numChannels": 1}, "whole 16-bit samples"),
    ("raw-audio-batch", {"base64AudioBatch": [1], "sampleRate": 16000}, "not base64"),
)


def test_what_cannot_be_done_is_answered_by_its_id():
    async def scene(house, caller):
        for id, (type, data, _words) in enumerate(REFUSED):
            await caller.send(type, data, str(id))
        await caller.send("send-text", {"content": "Still there?", "options": {"audio_response": False}}, "good")
        await caller.until("bot-llm-stopped")
        told = {message["id"]: message["data"]["error"] for message in caller.of("error-response")}
        wrong = [case for id, case in enumerate(REFUSED) if case[2] not in told.get(str(id), "")]
        assert wrong == []
        assert len(told) == len(REFUSED)

    talk(scene)


def test_what_is_no_message_is_an_error_logged_once(caplog):
    caplog.set_level(logging.INFO, "voiceagent")

    async def scene(house, caller):
        for bad in (b"\x00", "nonsense", "{}", "[]", json.dumps({"label": "rtvi-ai", "type": "x", "id": 5})):
            await caller.socket.send(bad)
        await caller.until("error", 5)
        await caller.send("send-text", {"content": "Still there?", "options": {"audio_response": False}})
        await caller.until("bot-llm-stopped")

    talk(scene)
    assert len([record for record in caplog.records if "was refused" in record.message]) == 1
    assert "nonsense" not in caplog.text


def test_audio_that_comes_faster_than_speech_is_refused():
    async def scene(house, caller):
        second = raw(np.zeros(RATE, np.float32))
        for _ in range(12):
            await caller.send("raw-audio", second, "fast")
        assert "faster than it is spoken" in (await caller.until("error-response"))["error"]

    talk(scene)


def test_a_client_that_floods_is_cut_off():
    async def scene(house, caller):
        for _ in range(BURST + 50):
            await caller.socket.send("ping: 1")
        assert "messages came in a second" in (await caller.until("error"))["error"]
        await house.empty()

    talk(scene)


def test_a_message_beyond_all_bounds_is_refused_and_disturbs_nobody():
    async def scene(house, caller):
        async with rtvi_caller(house) as other:
            await other.send("send-text", {"content": "x" * 500_000})
            assert "longer than" in (await other.until("error"))["error"]
        await caller.send("send-text", {"content": "Still there?", "options": {"audio_response": False}})
        await caller.until("bot-llm-stopped")

    talk(scene)


def test_a_client_that_vanishes_leaves_nothing_behind():
    async def scene(house, caller):
        await caller.send("send-text", {"content": "Tell me a long story."})
        await caller.until("bot-started-speaking")
        caller.socket.transport.abort()

    talk(scene)


def test_asking_the_agent_to_leave_ends_the_call():
    async def scene(house, caller):
        await caller.send("disconnect-bot")
        await asyncio.wait_for(caller.socket.wait_closed(), PATIENCE_S)
        await house.empty()

    talk(scene)


def test_one_too_many_is_told_so_and_when_a_place_is_free_may_come():
    async def scene(house, caller):
        async with rtvi_caller(house, version=None) as other:
            assert "place" in (await other.until("error"))["error"]
            assert other.of("error")[0]["data"]["fatal"] is True
            await asyncio.wait_for(other.socket.wait_closed(), PATIENCE_S)
            assert other.socket.close_code == 1013

    talk(scene, "server.max_sessions=1")


class Stuck:
    """A WebSocket whose client reads nothing."""

    query_params = MappingProxyType({})

    async def receive(self):
        await asyncio.Event().wait()

    async def send_text(self, text):
        await asyncio.Event().wait()

    async def close(self):
        pass


@asynccontextmanager
async def stuck(agent):
    client = RtviSocket(Stuck(), agent, "name")
    running = asyncio.create_task(client.run())
    yield client, running
    await client.close("test")


def test_a_client_that_never_reads_is_cut_off():
    async def main():
        async with open_server() as house, stuck(house.agent) as (client, running):
            await asyncio.sleep(0)
            for _ in range(MOST_WAITING + 10):
                client._conversation.receive("{}")
                client._conversation._allowed = BURST
            await asyncio.wait_for(running, PATIENCE_S)

    asyncio.run(main())


def test_an_evaluation_takes_text_or_sound_as_its_flags_say():
    async def text(house, caller):
        assert caller.of("bot-ready")[0]["data"]["capabilities"]["audio_out"] is False
        await caller.send("send-text", {"content": "Hello."})
        await caller.until("bot-llm-stopped")
        assert not caller.of("bot-started-speaking") + caller.of("eval-bot-audio") + caller.of("bot-tts-audio")

    async def sound(house, caller):
        await caller.send("send-text", {"content": "Hello."})
        await caller.until("bot-stopped-speaking")
        assert caller.of("eval-bot-audio")[0]["data"]["sampleRate"] > 8000
        assert not caller.of("bot-tts-audio")

    talk(text, query="?skip_tts=true")
    talk(sound, query="?capture_bot_audio=true")
