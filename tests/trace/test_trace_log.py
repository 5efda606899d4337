"""Logs: a line is a line, fields are fields, and what people said stays between them unless asked for."""

import json
import logging
from collections.abc import Iterator

import pytest

from voiceagent.trace import TurnTrace
from voiceagent.trace.log import configure, conversation, log_turn, summary, with_fields
from voiceagent.trace.tools import ToolUse

log = logging.getLogger("voiceagent.session")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, ours, words = (logging.getLogger(name) for name in (None, "voiceagent", "voiceagent.conversation"))
    before = list(root.handlers), ours.level, words.disabled
    yield
    root.handlers, words.disabled = before[0], before[2]
    ours.setLevel(before[1])


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_text_lines_have_time_level_name_message_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    log.info("connected", extra={"session": "ab12", "agent": "Chromium 131", "empty": ""})
    (line,) = logged(capsys)
    when, rest = line.split(" ", 1)
    assert when.endswith("Z")
    assert rest == 'INFO voiceagent.session: connected session=ab12 agent="Chromium 131" empty=""'


def test_json_lines_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="json")
    log.warning("late by %d ms", 40, extra={"session": "ab12", "turn": 3, "key": ("llm.decode", 2), "what": object})
    (line,) = map(json.loads, logged(capsys))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "voiceagent.session",
        "message": "late by 40 ms",
        "session": "ab12",
        "turn": 3,
        "key": ["llm.decode", 2],
        "what": "<class 'object'>",
    }


def test_nothing_from_outside_can_forge_a_line_or_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    log.info("bad offer: a\r\nERROR \x1b[2J", extra={"sdp": "v=0\n\x1b[31m"})
    (line,) = logged(capsys)
    assert r"a\r\nERROR \x1b[2J" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_traceback_is_kept(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="json" if format == "json" else "text")
    try:
        raise ValueError("the cause")
    except ValueError:
        log.exception("engine failed")
    lines = logged(capsys)
    if format == "json":
        assert "ValueError: the cause" in json.loads(lines[0])["exception"]
    else:
        assert lines[0].endswith("engine failed")
        assert lines[-1] == "ValueError: the cause"


def test_configured_twice_it_logs_once_and_as_told_last(capsys: pytest.CaptureFixture[str]) -> None:
    configure("DEBUG", "json")
    configure("warning")
    log.info("not shown")
    log.warning("shown")
    (line,) = logged(capsys)
    assert line.endswith("WARNING voiceagent.session: shown")


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure("loud")


def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure("DEBUG")
    library = logging.getLogger("some_library")
    library.info("chatter")
    library.warning("trouble")
    (line,) = logged(capsys)
    assert line.endswith("WARNING some_library: trouble")


def test_a_logger_with_fields_adds_them_to_those_of_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    session_log = with_fields(log, session="ab12", turn=1)
    session_log.info("heard", extra={"turn": 2})
    session_log.info("said")
    first, second = logged(capsys)
    assert first.endswith("heard session=ab12 turn=2")
    assert second.endswith("said session=ab12 turn=1")


def test_conversations_are_private_until_the_operator_says_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    conversation("user", "before anything is configured")
    configure("DEBUG")
    conversation("user", "my secret", session="ab12")
    assert logged(capsys) == []
    configure(log_text=True)
    conversation("agent", "your secret", session="ab12")
    (line,) = logged(capsys)
    assert line.endswith('agent said session=ab12 text="your secret"')
    configure()
    conversation("user", "private again")
    assert logged(capsys) == []


def a_turn() -> TurnTrace:
    trace = TurnTrace("ab12", 3, 7, outcome="completed", speculations_used=1, user_text="my secret")
    trace.marks = {
        "speech_end": 10.0,
        "silence": 10.2,
        "transcript_final": 10.3,
        "turn_decision": 10.26,
        "first_token": 10.34,
        "first_segment": 10.4,
        "first_audio": 10.5,
        "first_packet": 10.512,
    }
    return trace


def test_a_turn_is_summed_up_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    log_turn(a_turn())
    (line,) = logged(capsys)
    assert line.endswith(
        "turn 3 completed v2v=512ms silence=200ms asr=100ms turn=60ms llm=100ms tts=100ms out=12ms speculation=used"
        " session=ab12 turn=3 generation=7"
    )


def test_a_summary_names_the_tools_and_how_those_ended_that_did_not_do_their_work() -> None:
    done, late, going_on = ToolUse("a", 1, 1.5, "done"), ToolUse("b", 1, 11, "failed"), ToolUse("c", 1)
    line = summary(TurnTrace("ab12", 3, outcome="completed", tools=[done, late, going_on]))
    assert line == "turn 3 completed tool=a:500ms tool=b:10000ms:failed tool=c:running"


def test_a_summary_leaves_out_what_is_not_known() -> None:
    assert summary(TurnTrace("ab12", 4)) == "turn 4 unfinished"
    assert summary(TurnTrace("ab12", 5, outcome="cancelled", marks={"speech_end": 1.0, "silence": 1.2})) == (
        "turn 5 cancelled silence=200ms"
    )
