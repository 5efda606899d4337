"""One caller of the load client, in virtual time and without a network."""

import json

import httpx
import numpy as np

from benchmarks import one_caller
from benchmarks.corpus import Clip
from benchmarks.one_caller import ask_all, until
from benchmarks.rehearsed_line import rehearse
from voiceagent.testing.webrtc.caller import CallerError, RefusedError

VOICE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(32_000) / 16_000)).astype(np.float32)
CLIPS = [Clip(name, "Hello, can you hear me?", VOICE) for name in ("one", "two")]


def test_a_caller_asks_every_question_and_reports_on_each(capsys):
    rehearse(lambda line: ask_all(line, CLIPS, whole=False), "session.greeting=''")
    *questions, end = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [said["question"]["clip"] for said in questions] == ["one", "two"]
    assert all(said["question"]["v2v_ms"] > 0 for said in questions)
    assert end["cpu_percent"] >= 0


def test_what_did_not_happen_in_time_is_reported_and_the_next_question_asked(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.conversations.SPEECH_S", 0.1)
    rehearse(lambda line: ask_all(line, CLIPS, whole=True), "session.greeting=''")
    first, second, _ = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "in vain" in first["error"]
    assert second


def test_an_endless_caller_asks_the_same_again_until_told_to_leave():
    told = iter([False, False, False, True])
    assert [clip.name for clip in until(lambda: next(told), CLIPS)] == ["one", "two", "one"]


def refusal(code, retry_s):
    return RefusedError(httpx.Response(503, headers={"Retry-After": retry_s}, json={"error": {"code": code}}))


def call(monkeypatch, capsys, answers, patience):
    """Call a server that turns callers away with so many answers; return what the caller says of it."""
    answers, slept = iter(answers), []

    class Door:
        def __init__(self, url, *, loss, reorder, seed):
            pass

        async def __aenter__(self):
            raise next(answers)

        async def __aexit__(self, *error):
            pass

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(one_caller, "Caller", Door)
    monkeypatch.setattr("asyncio.sleep", sleep)
    monkeypatch.setattr(one_caller.corpus, "questions", lambda *of: CLIPS)
    one_caller.main(["nowhere", "--patience", str(patience)])
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line), slept


def test_whom_the_server_is_too_busy_for_tries_again_when_it_says_until_patience_ends(capsys, monkeypatch):
    answers = [refusal("server_busy", "10"), refusal("server_busy", "20"), refusal("server_busy", "60")]
    said, slept = call(monkeypatch, capsys, answers, 45)
    assert said == {"greeting": "refused", "code": "server_busy", "retry_after_s": 60, "refusals": 3}
    assert slept == [10, 20]


def test_a_server_whose_places_are_taken_is_left_alone(capsys, monkeypatch):
    said, slept = call(monkeypatch, capsys, [refusal("server_full", "10")], 45)
    assert (said["greeting"], said["refusals"], slept) == ("refused", 1, [])


def test_what_went_wrong_is_said_whatever_the_patience(capsys, monkeypatch):
    said, _ = call(monkeypatch, capsys, [refusal("server_busy", "1"), CallerError("No sound.")], 45)
    assert said == {"greeting": "CallerError: No sound.", "refusals": 1}
