"""Recogniser and voice of another process: how they begin, and what becomes of work when that process is gone."""

import os
import socket
import time
from threading import Event
from typing import Any

import numpy as np
import pytest
from engine_server import EngineServer

from voiceagent.engines.asr.contract import Transcript
from voiceagent.engines.asr.remote.engine import RemoteAsr, TurnMemory
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.remote.settings import RemoteSettings
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.remote.engine import RemoteTts, SpeechMemory
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract.driving import Heard, opened, step
from voiceagent.testing.sound import voice

TOKEN = "a-token-of-sixteen-letters"
GIVE_UP_S = 60.0


def until(engine: Any, condition: Any) -> None:
    """Run steps until something is so."""
    end = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < end, "it does not come to that"
        step(engine)


def finals(heard: Heard) -> list[Transcript]:
    return [event for event in heard.of(Transcript) if event.fork is not None]


def loaded(engine: Any) -> Any:
    engine.load()
    return engine


@pytest.fixture
def asr() -> Any:
    """A server whose recogniser hears three words a second, and a recogniser that is there."""
    with EngineServer(asr=ScriptedAsr(["one two three four five six"], sleep=lambda seconds: None)) as server:
        engine = loaded(RemoteAsr(RemoteSettings(url=server.url, timeout_s=20)))
        yield server, engine
        engine.close()


def test_audio_that_was_heard_before_the_other_process_went_down_is_heard_by_the_next(asr: Any) -> None:
    server, engine = asr
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        stream.push(voice(1.0))
        until(engine, lambda: heard.of(Transcript))
        server.stop()
        stream.push(voice(1.0))
        stream.finalise(1, 101.0)
        server.start()
        until(engine, lambda: finals(heard))
        assert finals(heard)[-1].text == "one two three four five six"


def test_a_turn_that_is_over_is_not_heard_again(asr: Any) -> None:
    server, engine = asr
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        stream.push(voice(1.0))
        stream.finalise(1, 101.0)
        until(engine, lambda: finals(heard))
        stream.commit()
        server.stop()
        stream.begin_speech()
        stream.push(voice(0.8))
        stream.finalise(2, 101.0)
        server.start()
        until(engine, lambda: len(finals(heard)) == 2)
        assert finals(heard)[-1].text == "one two"


def test_what_is_kept_of_a_turn_is_sent_again_in_order_and_forgotten_with_it() -> None:
    memory = TurnMemory({"type": "open"})
    begin, fork = {"type": "begin_speech"}, {"type": "finalise", "fork": 1}
    for message in (b"aa", begin, b"bb", b"cc", fork, b"dd"):
        memory.posted(message)
    assert [part for part in memory.replay() if part] == [
        {"type": "open", "turn": 0},
        b"aa",
        begin,
        b"bbcc",
        fork,
        b"dd",
    ]
    memory.posted({"type": "commit"})
    assert [part for part in memory.replay() if part] == [{"type": "open", "turn": 1}, b"dd"]
    assert memory.later_s == pytest.approx(3 / 16_000)


def test_of_a_long_silence_two_seconds_are_kept() -> None:
    memory = TurnMemory({"type": "open"})
    for _ in range(100):
        memory.posted(bytes(3200))
    assert sum(len(part) for part in memory.replay() if isinstance(part, bytes)) == 64_000
    assert memory.later_s == pytest.approx(8.0)


def test_a_text_that_comes_while_the_other_process_is_down_is_spoken_when_it_is_back() -> None:
    with EngineServer() as server:
        engine = loaded(RemoteTts(RemoteSettings(url=server.url, timeout_s=GIVE_UP_S)))
        with opened(engine) as (stream, heard):
            server.stop()
            stream.speak(1, 0, "Five six.", 101.0)
            step(engine)
            server.start()
            until(engine, lambda: heard.events and heard.events[-1].final)
            assert [word.text for piece in heard.of(SpeechAudio) for word in piece.words] == ["Five", "six."]
        engine.close()


def test_of_what_was_to_be_spoken_only_that_is_asked_for_again_of_which_nothing_has_come() -> None:
    broken: list[int] = []
    memory = SpeechMemory(lambda generation, reason: broken.append(generation))
    asked = [
        {"type": "speak", "generation": generation, "segment": part} for generation in (1, 2, 3) for part in (0, 1)
    ]
    for message in asked:
        memory.posted(message)
    held = {"type": "reschedule", "generation": 2, "in_s": None}
    memory.posted(held)
    for part in (0, 1):
        memory.arrived({"type": "audio", "generation": 1, "segment": part, "final": True})
    memory.arrived({"type": "audio", "generation": 2, "segment": 0, "final": True})
    memory.arrived({"type": "audio", "generation": 3, "segment": 0, "final": False})
    memory.lost("is gone")
    assert broken == [3]
    assert list(memory.replay()) == [{"type": "open"}, asked[3], held]
    memory.posted({"type": "cancel", "generation": 2})
    assert list(memory.replay()) == [{"type": "open"}]


def test_a_request_that_is_not_answered_in_time_fails_with_what_to_do() -> None:
    gate = Event()
    with EngineServer(asr=ScriptedAsr(sleep=lambda seconds: gate.wait(GIVE_UP_S) and None)) as server:
        engine = loaded(RemoteAsr(RemoteSettings(url=server.url, timeout_s=0.3)))
        with opened(engine) as (stream, heard):
            stream.push(voice(1.0))
            stream.finalise(1, 101.0)
            until(engine, lambda: heard.events)
            assert [event.tag for event in heard.events] == [1]
            assert "raise timeout_s" in str(heard.events[0].error)
        gate.set()
        engine.close()


def test_a_stream_for_which_there_is_no_place_fails_with_what_the_other_process_says() -> None:
    with EngineServer(**{"server.speech_streams": 1}) as server:
        engine = loaded(RemoteAsr(RemoteSettings(url=server.url)))
        with opened(engine) as (first, heard), opened(engine) as (second, refused):
            first.push(voice(1.0))
            first.finalise(1, 101.0)
            until(engine, lambda: finals(heard))
            second.push(voice(1.0))
            second.finalise(1, 101.0)
            until(engine, lambda: refused.events)
            assert "All 1 speech streams (server.speech_streams) are taken" in str(refused.events[0].error)
        engine.close()


def test_a_start_waits_for_a_process_that_is_not_there_yet_but_not_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    engine = RemoteTts(RemoteSettings(url=f"http://127.0.0.1:{port}", start_s=0.2))
    with pytest.raises(VoiceAgentError, match=r"cannot be reached .* start it, or correct url"):
        engine.load()
    engine.close()


def test_a_wrong_token_is_no_reason_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with EngineServer(**{"server.token": TOKEN}) as server:
        for token in ("", "another-token-of-many-letters"):
            monkeypatch.setitem(os.environ, "VOICEAGENT_ENGINE_TOKEN", token)
            engine = RemoteAsr(RemoteSettings(url=server.url))
            with pytest.raises(VoiceAgentError, match="refuses the token: put the right one into the environment"):
                engine.load()
            engine.close()
        monkeypatch.setitem(os.environ, "VOICEAGENT_ENGINE_TOKEN", TOKEN)
        loaded(RemoteAsr(RemoteSettings(url=server.url))).close()


def test_a_process_without_the_door_says_so() -> None:
    with EngineServer(doors=["page"]) as server:
        engine = RemoteAsr(RemoteSettings(url=server.url))
        with pytest.raises(VoiceAgentError, match="add `engines` to its setting doors"):
            engine.load()
        engine.close()


def test_a_process_with_one_of_the_two_lends_that_one() -> None:
    with EngineServer(**{"tts.engine": "none", "llm.engine": "none"}) as server:
        loaded(RemoteAsr(RemoteSettings(url=server.url))).close()
        engine = RemoteTts(RemoteSettings(url=server.url))
        with pytest.raises(VoiceAgentError, match="lends no engines here"):
            engine.load()
        engine.close()


def test_the_same_sound_comes_as_from_a_voice_in_this_process() -> None:
    here = ScriptedTts(sleep=lambda seconds: None)
    with EngineServer() as server:
        there = loaded(RemoteTts(RemoteSettings(url=server.url)))
        sounds = []
        for engine in (here, there):
            with opened(engine) as (stream, heard):
                stream.speak(1, 0, "Hello there.", 101.0)
                until(engine, lambda heard=heard: heard.events and heard.events[-1].final)
                sounds.append(heard.of(SpeechAudio))
        assert [piece.words for piece in sounds[0]] == [piece.words for piece in sounds[1]]
        for mine, theirs in zip(*sounds, strict=True):
            assert np.abs(mine.pcm - theirs.pcm).max() <= 1 / 32_768
        there.close()
