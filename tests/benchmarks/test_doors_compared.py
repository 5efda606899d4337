"""The caller of the doors benchmark, at every door of a server with scripted engines in another process."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from benchmarks import doors, form
from benchmarks.corpus import Clip
from benchmarks.doors import DOORS, SETS, Place, Run, free_port, show, summarise
from benchmarks.served import serving
from benchmarks.turns import ask
from voiceagent.testing.webrtc.line import CallerError
from voiceagent.text import normalise

WORD_S = 0.3
"""As long as each word of the scripted voice is heard."""
VOICE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(20_000) / 16_000)).astype(np.float32)
UNDERSTOOD = "Hello, can you"
"""As much as is said in the time."""
REPLY = "you said hello can you that was turn one"
CLIP = Clip("question", "Hello, can you hear me?", VOICE)
BY_TELEPHONE = ("twilio", "audiosocket")


@pytest.fixture(scope="module")
def place():
    port = free_port()
    with serving("scripted.yaml", [*SETS, f"telephony.audiosocket_port={port}"]) as url:
        yield Place(url, port)


@pytest.mark.realtime
@pytest.mark.parametrize("door", DOORS)
def test_a_question_is_answered_through_every_door_and_timed_from_its_last_sample(place, door):
    async def main():
        async with DOORS[door](place) as line:
            return await ask(line, CLIP)

    sample, sound = asyncio.run(main())
    assert 0 < sample["v2v_ms"] == round((sample["heard_at"] - sample["sent_at"]) * 1000, 1)
    assert not sample["cut_in"]
    understood, reply = sample["understood"], normalise(sample["reply"])
    assert understood == ("" if door in BY_TELEPHONE else UNDERSTOOD)
    assert reply == ("" if door in BY_TELEPHONE else REPLY)
    sounding_s = np.sum(np.abs(sound) > 0.05) / 16_000
    words_s = len(REPLY.split()) * WORD_S
    assert words_s / 2 < sounding_s < words_s, "the whole answer, once"


def test_doors_are_taken_in_turn_and_one_that_refuses_costs_nothing_but_itself(monkeypatch):
    @asynccontextmanager
    async def talk(door):
        if door == "audiosocket":
            raise ConnectionRefusedError("nobody there")
        yield door

    async def answered(line, clip):
        return {"clip": clip.name, "v2v_ms": 1.0, "understood": "", "reply": ""}, VOICE

    monkeypatch.setattr(doors, "ask", answered)
    monkeypatch.setattr(doors, "DOORS", {door: lambda place, door=door: talk(door) for door in DOORS})
    monkeypatch.setattr(doors.corpus, "questions", lambda count, longest_s: [Clip(str(n), "", VOICE) for n in range(4)])
    monkeypatch.setattr(doors, "AGAIN_S", 0.0)
    run = Run(Place("", 0), doors.Plan(2, 2), ["webrtc", "audiosocket", "twilio"], 2)
    asyncio.run(run.all())
    assert [(q["round"], q["door"], q["clip"]) for q in run.samples["questions"]] == [
        *((0, door, "0") for door in ("webrtc", "twilio")),
        *((0, door, "1") for door in ("twilio", "webrtc")),
        *((1, door, "2") for door in ("twilio", "webrtc")),
        *((1, door, "3") for door in ("webrtc", "twilio")),
    ]
    refused = [(number // 2, "audiosocket") for number in range(4) for _ in range(doors.ATTEMPTS)]
    assert [(e["round"], e["door"]) for e in run.samples["errors"]] == refused
    assert len(run.sounds) == 8


@pytest.mark.thorough
@pytest.mark.realtime
@pytest.mark.parametrize("door", BY_TELEPHONE)
def test_a_telephone_whose_call_is_not_taken_says_so(door):
    port = free_port()

    async def main(url):
        async with DOORS["webrtc"](Place(url, port)), DOORS[door](Place(url, port)) as line:
            await ask(line, CLIP)

    sets = [*SETS, f"telephony.audiosocket_port={port}", "server.max_sessions=1"]
    with serving("scripted.yaml", sets) as url, pytest.raises(CallerError, match="The call is over"):
        asyncio.run(main(url))


def question(door, v2v_ms, heard_at=1.0):
    words = {"text": "a", "understood": "b", "reply": "c", "heard": "d"}
    return {"door": door, "v2v_ms": v2v_ms, "heard_at": heard_at, **words}


SAMPLES = {
    "questions": [
        question("webrtc", 400.0),
        question("webrtc", 600.0),
        question("twilio", 550.0),
        question("twilio", 650.0),
        question("twilio", None, None),
    ],
    "errors": [{"door": "audiosocket", "error": "gone"}],
}


def test_each_door_is_compared_with_webrtc():
    summary = summarise(SAMPLES, ["webrtc", "twilio", "audiosocket"])
    assert (summary["v2v_ms_p50_webrtc"], summary["v2v_ms_p50_twilio"]) == (500.0, 600.0)
    assert summary["v2v_ms_p90_twilio"] == 640.0
    assert summary["v2v_ratio_twilio"] == 1.2
    assert (summary["question_count_twilio"], summary["no_answer_count_twilio"]) == (3, 1)
    assert (summary["v2v_ms_p50_audiosocket"], summary["v2v_ratio_audiosocket"]) == (None, None)
    assert summary["error_count"] == 1
    assert "v2v_ratio_webrtc" not in summary


def test_without_webrtc_there_is_nothing_to_compare_with():
    assert summarise(SAMPLES, ["twilio"])["v2v_ratio_twilio"] is None


def test_what_was_said_is_shown():
    report = form.Report("doors", "python -m benchmarks.doors", samples=SAMPLES)
    report.summary = summarise(SAMPLES, ["webrtc", "twilio"])
    assert "twilio: a\n    understood: b\n    said: c\n    heard: d" in show(report)
