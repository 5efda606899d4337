"""Real WebRTC packets between a caller and the server, with scripted engines."""

import asyncio
import json

import numpy as np
import pytest
from aiortc import RTCRtpReceiver
from loopback import open_server

from voiceagent.doors.webrtc import connection as connection_module
from voiceagent.doors.webrtc import peer as peer_module
from voiceagent.doors.webrtc.tap import tap
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import scripted_engines
from voiceagent.testing.webrtc.caller import Caller, CallerError

LONG_REPLY = " ".join(["word"] * 40) + "."
SECOND = 16_000


def voice(seconds):
    t = np.arange(round(seconds * SECOND)) / SECOND
    return (0.3 * np.sin(2 * np.pi * 150 * t)).astype(np.float32)


def talk(scene, *sets, engines=None):
    async def main():
        async with open_server(*sets, engines=engines) as house, Caller(house.url) as caller:
            await scene(house, caller)

    asyncio.run(main())


def kinds(caller, kind):
    return [received.payload for received in caller.messages if received.kind == kind]


async def ended(caller, count=1):
    await caller.until(lambda: len(kinds(caller, "agent.end")) >= count or None, 90, "the response to end")
    return kinds(caller, "agent.end")[count - 1]


def test_speech_becomes_an_answer_that_can_be_heard():
    async def scene(house, caller):
        said = await caller.say(voice(2.0))
        await caller.until(lambda: caller.heard.onset(said.end), 90, "an answer")
        assert (await ended(caller))["outcome"] == "completed"
        assert kinds(caller, "user.final")[0]["text"]
        trace = await caller.until(lambda: caller.last("trace"), 90, "the trace")
        assert trace.payload["trace"]["voice_to_voice_ms"] > 0
        assert any(step["lane"] == "asr" for lanes in kinds(caller, "lanes") for step in lanes["steps"])
        assert max(level["agent"] for level in kinds(caller, "level")) > -30
        shown = (await house.http.get("/api/lanes")).json()
        assert shown["lanes"]["asr"]["steps"] >= 1
        assert 0 < shown["lanes"]["vad"]["busy"] < 1
        assert all(step["predicted_ms"] > 0 and step["ms"] > 0 for step in shown["steps"])
        assert "voiceagent_loop_lag_seconds_count" in (await house.http.get("/metrics")).text

    talk(scene)


def test_typed_words_are_answered_and_the_stop_button_works():
    async def scene(house, caller):
        caller.send({"type": "text", "text": "hello"})
        await caller.until(lambda: caller.last("agent.word"), 90, "the first word")
        caller.send({"type": "interrupt"})
        assert (await ended(caller))["outcome"] == "interrupted"

    talk(scene, engines=scripted_engines(llm=ScriptedLlm(lambda messages: LONG_REPLY)))


def test_messages_that_make_no_sense_are_answered_with_words():
    nonsense = [
        "no JSON",
        "[]",
        "{}",
        '{"type": "dance"}',
        '{"type": "text"}',
        '{"type": "text", "text": 7}',
        r'{"type": "text", "text": "half a character: \ud800"}',
        "[" * 9000,
        b"\x00",
    ]

    async def scene(house, caller):
        for count, message in enumerate(nonsense, 1):
            caller._channel.send(message)
            await caller.until(lambda count=count: len(kinds(caller, "error")) >= count or None, 90, "an error")
        assert [error["code"] for error in kinds(caller, "error")] == ["bad_message"] * len(nonsense)
        caller.send({"type": "text", "text": "are you still there"})
        assert (await ended(caller))["outcome"] == "completed"

    talk(scene)


def test_the_caller_beyond_the_last_place_is_told_when_to_come_back():
    async def scene(house, caller):
        with pytest.raises(CallerError, match="503") as refusal:
            async with Caller(house.url):
                pass
        assert "places are taken" in str(refusal.value)
        assert 'voiceagent_refused_sessions_total{reason="server_full"} 1.0' in (await house.http.get("/metrics")).text
        caller.send({"type": "text", "text": "I am still here"})
        assert (await ended(caller))["outcome"] == "completed"

    talk(scene, "server.max_sessions=1")


def test_hanging_up_frees_the_place():
    async def main():
        async with open_server("server.max_sessions=1") as house:
            for _ in range(3):
                async with Caller(house.url) as caller:
                    assert len(await house.sessions()) == 1
                    caller.send({"type": "hangup"})
                    await house.empty()

    asyncio.run(main())


def test_a_caller_who_vanishes_without_a_word_is_noticed(monkeypatch):
    monkeypatch.setattr(peer_module, "GONE_S", 1.0)

    async def scene(house, caller):
        caller.vanish()
        await house.empty()

    talk(scene)


def test_an_offer_nobody_follows_up_is_forgotten(monkeypatch):
    monkeypatch.setattr(peer_module, "GONE_S", 0.5)

    async def main():
        async with open_server("server.max_sessions=1") as house:
            from aiortc import RTCPeerConnection

            ghost = RTCPeerConnection()
            ghost.createDataChannel("voiceagent")
            ghost.addTransceiver("audio")
            await ghost.setLocalDescription(await ghost.createOffer())
            offer = {"type": "offer", "sdp": ghost.localDescription.sdp}
            assert (await house.http.post("/page/offer", json=offer)).status_code == 200
            assert (await house.http.post("/page/offer", json=offer)).status_code == 503
            await house.empty()
            await ghost.close()

    asyncio.run(main())


def test_an_engine_that_throws_spares_the_other_caller():
    replies = iter([RuntimeError("out of memory"), *["Fine, thank you."] * 9])

    def reply(messages):
        answer = next(replies)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scene(house, caller):
        async with Caller(house.url) as other:
            caller.send({"type": "text", "text": "break"})
            assert (await ended(caller))["outcome"] == "failed"
            error = await caller.until(lambda: caller.last("error"), 90, "an error")
            assert error.payload["code"] == "llm_failed"
            other.send({"type": "text", "text": "hello"})
            assert (await ended(other))["outcome"] == "completed"
            assert (await ended(caller, 2))["outcome"] == "completed"
            said = [word for segment in kinds(caller, "agent.segment") for word in segment["words"]]
            assert "wrong" in said
            caller.send({"type": "text", "text": "and now"})
            assert (await ended(caller, 3))["outcome"] == "completed"
            assert len(await house.sessions()) == 2

    talk(scene, engines=scripted_engines(llm=ScriptedLlm(reply)))


def test_a_session_that_ends_badly_frees_its_place_all_the_same():
    engines = scripted_engines()
    opened = engines.llm.open

    def open_for_good(on_event):
        stream = opened(on_event)
        stream.close = lambda: 1 / 0
        return stream

    async def main():
        async with open_server("server.max_sessions=1", engines=engines) as house:
            for _ in range(2):
                async with Caller(house.url) as caller:
                    caller.send({"type": "hangup"})
                    await house.empty()

    engines.llm.open = open_for_good
    asyncio.run(main())


def test_calls_that_come_and_go_leave_no_task_behind():
    async def main():
        async with open_server() as house:
            async with Caller(house.url):
                pass
            await house.empty()
            await asyncio.sleep(0)
            before = len(asyncio.all_tasks())
            for _ in range(5):
                async with Caller(house.url) as caller:
                    caller.send({"type": "text", "text": "hello"})
                    await caller.until(lambda caller=caller: caller.last("agent.segment"), 90, "an answer")
                await house.empty()
            async with asyncio.timeout(30):
                while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - aiortc's own tasks end one after the other
                    await asyncio.sleep(0.02)
            streams = [len(engine._jobs) for engine in (house.agent.engines.llm, house.agent.engines.tts)]
            assert streams == [0, 0]

    asyncio.run(main())


def test_the_tap_fits_the_aiortc_that_is_installed():
    """aiortc keeps its jitter buffer private: an upgrade that moves it must fail here, and not in a call."""
    from types import SimpleNamespace

    tap(RTCRtpReceiver("audio", SimpleNamespace(state="connected")), print)
    with pytest.raises(RuntimeError, match="aiortc"):
        tap(SimpleNamespace(), print)


def test_sessions_are_described_without_a_word_of_what_was_said():
    async def scene(house, caller):
        caller.send({"type": "text", "text": "my secret"})
        await ended(caller)
        body = (await house.http.get("/api/sessions")).text
        assert "secret" not in body
        (session,) = await house.sessions()
        assert session["turn"] == 2
        assert session["receive"]["received"] > 0
        caller.send({"type": "hangup"})
        await house.empty()
        metrics = (await house.http.get("/metrics")).text
        received = next(line for line in metrics.splitlines() if 'packets_total{fate="received"}' in line)
        assert float(received.split()[-1]) > 20
        assert 'voiceagent_turns_total{outcome="completed"} 1.0' in metrics

    talk(scene)


def test_a_server_that_stops_says_goodbye():
    async def main():
        async with open_server() as house:
            caller = Caller(house.url)
            await caller.__aenter__()
        bye = await caller.until(lambda: caller.last("bye"), 90, "a goodbye")
        assert bye.payload["reason"] == "restart"
        await caller.__aexit__(None, None, None)

    asyncio.run(main())


def test_goodbye_is_heard_after_all_that_was_sent_before(monkeypatch):
    monkeypatch.setattr(connection_module, "DELIVER_S", 60.0)

    async def scene(house, caller):
        (peer,) = house.connections.connected
        for _ in range(20):
            peer.send(json.dumps({"type": "filler", "text": 5_000 * "x"}))
        await peer.close("restart")
        await caller.until(lambda: caller.last("bye"), 90, "a goodbye")
        assert len(kinds(caller, "filler")) == 20

    talk(scene)
