"""The benchmark of several doors at once: what it makes of what was measured, and the other doors' clients."""

import asyncio
import time

import numpy as np
import pytest
from counted import a_level
from loopback import open_server

from benchmarks import mixed
from benchmarks.corpus import Clip
from benchmarks.mixed import OTHERS, others_present, recording, summarise
from benchmarks.socket_callers import RealtimeSocketCaller
from voiceagent.audio.decode import decode

VOICE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(20_000) / 16_000)).astype(np.float32)
CLIPS = [Clip("question", "Hello, can you hear me?", VOICE)]


def phase(kind, waits, **changes):
    others = {
        "realtime": [],
        "transcript": [""],
        "others_errors": [],
        "callers_counted": 1,
        "speech_streams_counted": 0,
    }
    return {"kind": kind, "round": 0, **a_level(1, waits), **others, **changes}


MIXED = {"callers_counted": 2, "speech_streams_counted": 1, "transcript": ["five words of an hour"]}


def test_the_caller_beside_others_is_compared_with_the_caller_alone():
    summary = summarise(
        [
            phase("alone", [500.0, 500.0]),
            phase("mixed", [550.0, 650.0], **MIXED, underruns=2, realtime=[{"v2v_ms": 900.0}, {"v2v_ms": None}]),
            phase("mixed", [600.0], **MIXED | {"callers_counted": 1}, others_errors=["no place"]),
            phase("alone", [500.0], late_packets=1),
        ]
    )
    assert (summary["v2v_ms_p50_mixed"], summary["v2v_ms_p95_alone"]) == (600.0, 500.0)
    assert summary["v2v_p95_ratio_mixed"] == 1.29
    assert (summary["mid_response_silences"], summary["mid_response_silences_alone"]) == (2, 1)
    assert (summary["question_count_mixed"], summary["question_count_alone"]) == (3, 3)
    assert (summary["realtime_question_count"], summary["realtime_v2v_ms_p50"]) == (2, 900.0)
    assert summary["callers_counted"] == 1, "in the worst of the phases"
    assert (summary["speech_streams_counted"], summary["transcribed_words"]) == (1, 5)
    assert summary["others_error_count"] == 1


def test_what_was_not_measured_is_no_number():
    summary = summarise([phase("alone", [500.0])])
    keys = ("v2v_p95_ratio_mixed", "mid_response_silences", "callers_counted", "transcribed_words")
    assert [summary[key] for key in keys] == [None] * 4


def test_the_recording_lasts_as_long_as_it_should(monkeypatch, tmp_path):
    monkeypatch.setattr(mixed.corpus, "prompts", lambda count: CLIPS)
    (tmp_path / "talk.flac").write_bytes(recording(60.0))
    decoded = decode(tmp_path / "talk.flac", 16_000).pcm
    assert len(decoded) / 16_000 == pytest.approx(60.0, abs=2.05), "whole talks of 1.25 s and a pause"
    assert np.mean(np.abs(decoded) > 0.01) == pytest.approx(1.25 / 2.05, abs=0.05)


@pytest.mark.realtime
def test_the_others_talk_and_upload_until_they_are_no_longer_wanted(monkeypatch):
    monkeypatch.setattr(mixed.corpus, "prompts", lambda count: CLIPS)
    monkeypatch.setattr(mixed.corpus, "questions", lambda count, longest_s: CLIPS)

    async def main():
        async with open_server() as house:
            async with others_present(house.url, OTHERS, recording(600.0), 2.0, time.monotonic() + 60) as others:
                counted = [session["connection"] for session in await house.sessions()]
                streams = house.agent.metrics.speech_streams._value.get()
            await house.empty()
            return others, counted, streams

    others, counted, streams = asyncio.run(main())
    assert counted == ["websocket"]
    assert streams >= 1
    assert others.transcript
    assert others.errors == []


@pytest.mark.realtime
def test_others_who_have_no_place_are_counted(monkeypatch):
    monkeypatch.setattr(mixed.corpus, "prompts", lambda count: CLIPS)
    monkeypatch.setattr(mixed.corpus, "questions", lambda count, longest_s: CLIPS)

    async def main():
        async with (
            open_server("server.speech_streams=0", "server.max_sessions=1") as house,
            RealtimeSocketCaller(house.url),
            others_present(house.url, OTHERS, recording(2.0), 2.0, time.monotonic() + 1) as others,
        ):
            return list(others.errors)

    errors = asyncio.run(main())
    assert any(error.startswith("realtime: 503") for error in errors)
    assert any(error.startswith("upload: 503") for error in errors)
