"""One caller of the load client, in virtual time and without a network."""

import json

import numpy as np
from rehearsed_line import rehearse

from benchmarks.corpus import Clip
from benchmarks.one_caller import ask_all, until

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
