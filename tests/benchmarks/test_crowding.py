"""Callers in processes of their own, played by small programs."""

import time

import pytest
from callers_played import FAINT, POLITE, STUBBORN, play

from benchmarks.crowding import ConversationConfig, crowd

MANNERS = ConversationConfig(questions=1, longest_s=2.0, whole=False, greeted=False)


def test_callers_are_let_go_together_and_their_reports_collected(monkeypatch):
    play(monkeypatch, POLITE)
    marks = []
    first, _, third = crowd("nowhere", 3, MANNERS, lambda: marks.append(1), None)
    assert len(marks) == 2
    assert (first.connected, third.connected) == (True, False)
    assert first.questions[0]["v2v_ms"] == 512.0
    assert first.errors == ["Waited in vain."]
    assert first.cpu_percent == 7.5
    assert third.greeting == {"greeting": "refused", "code": "server_busy", "retry_after_s": 10}
    assert third.questions == []


def test_who_does_not_finish_in_time_is_cut_off_and_what_was_said_counts(monkeypatch):
    play(monkeypatch, STUBBORN)
    reports = crowd("nowhere", 2, MANNERS, lambda: None, time.monotonic() + 5.0)
    assert [len(report.questions) for report in reports] == [1, 1]
    assert all(report.cpu_percent is None for report in reports)


def test_who_says_nothing_at_all_is_not_connected(monkeypatch):
    play(monkeypatch, "")
    (report,) = crowd("nowhere", 1, MANNERS, lambda: None, None)
    assert report.greeting == {"greeting": "no word in time"}
    assert not report.connected


def test_a_caller_that_breaks_down_is_reported(monkeypatch):
    play(monkeypatch, FAINT)
    (report,) = crowd("nowhere", 1, MANNERS, lambda: None, None)
    assert report.errors == ["The caller's program ended with status 3."]


def test_nobody_is_left_behind_when_something_fails(monkeypatch):
    started = play(monkeypatch, STUBBORN)

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crowd("nowhere", 2, MANNERS, interrupted, None)
    assert [process.poll() for process in started] == [-9, -9]
