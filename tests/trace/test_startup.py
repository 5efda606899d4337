"""How long the start took is told stage by stage, from the beginning of the process."""

from pathlib import Path

import pytest

from voiceagent.trace import startup
from voiceagent.trace.startup import Startup, process_age_s


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_stages_follow_each_other_and_add_up() -> None:
    clock = Clock()
    start = Startup(lambda: 1.5, clock)
    for stage, seconds in (("programs", 0.0), ("checks", 0.25), ("models", 2.0)):
        clock.now += seconds
        start.end(stage)
    assert start.stages == {"programs": 1.5, "checks": 0.25, "models": 2.0}
    told = start.told({"asr": 0.9, "llm": 1.8})
    assert told == "Started in 3.8 s: programs 1.5 s, checks 0.2 s, models 2.0 s (llm 1.8, asr 0.9)."


def test_without_engines_nothing_is_told_of_them() -> None:
    start = Startup(lambda: 1.0, Clock())
    start.end("programs")
    assert start.told({}) == "Started in 1.0 s: programs 1.0 s."


def test_the_first_stage_begins_now_where_the_system_does_not_tell() -> None:
    clock = Clock()
    start = Startup(lambda: None, clock)
    clock.now += 1
    start.end("programs")
    assert start.stages == {"programs": 1.0}


def test_the_age_of_the_process_is_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not startup.STAT.exists():
        assert process_age_s() is None
        return
    ticks = startup.os.sysconf("SC_CLK_TCK")
    fields = " ".join(["S", *map(str, range(4, 22)), str(int(50 * ticks)), "23"])
    (tmp_path / "stat").write_text(f"7 (a name) with (signs) {fields}\n")
    monkeypatch.setattr(startup, "STAT", tmp_path / "stat")
    monkeypatch.setattr(startup.time, "clock_gettime", lambda clock: 62.5)
    assert process_age_s() == 12.5
    (tmp_path / "stat").write_text("nonsense")
    assert process_age_s() is None
