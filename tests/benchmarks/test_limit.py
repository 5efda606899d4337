"""The talk of those whom admission lets in, played by small programs."""

import json
from contextlib import contextmanager

import pytest
from callers_played import POLITE, STUBBORN, play
from counted import a_level, a_question, counted

from benchmarks import limit
from benchmarks.crowding import ConversationConfig
from benchmarks.level import Watch

MANNERS = ConversationConfig(questions=1, longest_s=2.0, whole=False, greeted=False, endless=True)
AT_ONCE = limit.Plan(places=9, every_s=0.0, measured_s=0.0)
REFUSED = {"caller": 2, "greeting": "refused", "code": "server_busy", "retry_after_s": 20, "capacity": 3}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """No server, which says that it carries two."""
    monkeypatch.setattr("benchmarks.level.scrape", lambda url: counted())
    monkeypatch.setattr(limit, "scrape", lambda url: counted(slowness=1.25))
    monkeypatch.setattr(limit, "_room", lambda url: {"now": 2, "capacity": 2, "most": 9})

    @contextmanager
    def watching(url):
        yield Watch(url, [])

    monkeypatch.setattr(limit, "watching", watching)


def test_callers_come_until_one_is_refused_and_the_others_talk_on_until_told_to_leave(monkeypatch):
    play(monkeypatch, POLITE)
    arrivals, level = limit.measure("nowhere", AT_ONCE, MANNERS, None)
    assert [arrival["greeting"] for arrival in arrivals] == ["connected", "connected", "refused"]
    assert (arrivals[2]["code"], arrivals[2]["retry_after_s"]) == ("server_busy", 10)
    assert all((arrival["capacity"], arrival["slowness"]) == (2, 1.25) for arrival in arrivals)
    assert (level["callers"], level["admitted"]) == (2, 2)
    assert level["callers_cpu_percent"] == 15.0
    assert level["room"]["capacity"] == 2
    assert json.dumps([arrivals, level])


def test_nobody_is_left_behind_when_something_fails(monkeypatch):
    started = play(monkeypatch, STUBBORN)

    def asked(url):
        if len(started) == 2:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(limit, "_room", asked)
    with pytest.raises(KeyboardInterrupt):
        limit.measure("nowhere", AT_ONCE, MANNERS, None)
    assert [process.poll() for process in started] == [-9, -9]


def test_the_summary_is_of_those_present_and_of_what_the_server_said_last():
    level = a_level(2, [500.0] * 19 + [1500.0], underruns=1, late_packets=2, errors=["Waited in vain."])
    level["questions"].append(a_question(None, outcome=None))
    summary = limit.summarise([{"greeting": "connected", "capacity": None}, REFUSED], level)
    assert (summary["limit_callers"], summary["limit_carried"], summary["limit_retry_after_s"]) == (2, 3, 20)
    assert (summary["limit_v2v_ms_p50"], summary["limit_v2v_kept_percent"]) == (500.0, 95.0)
    assert (summary["limit_mid_response_silences"], summary["limit_no_answer_count"]) == (3, 2)
    assert (summary["limit_question_count"], summary["limit_loop_lag_ms_p99"]) == (21, 4.0)
    assert all(target.key in summary for target in limit.TARGETS)
