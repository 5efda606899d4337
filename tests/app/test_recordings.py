"""Recorded calls: both sides in one file, every turn in the other, and a call that goes on where there is no room."""

import asyncio
import json
import logging
import stat
import wave

import numpy as np
import pytest
from click.testing import CliRunner

from voiceagent.app.agent import Agent
from voiceagent.app.recordings import Recordings
from voiceagent.cli.main import cli
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.session.reports import TurnTraced
from voiceagent.testing import Conversation

QUESTION = "What is the deepest sea?"


def call(folder, scene, *, log_text=False):
    """Have a call of virtual time recorded; return its trace and its files."""

    async def main():
        settings = ["session.greeting=''", "session.idle_s=0"]
        async with Conversation("scripted.yaml", settings, asr=[QUESTION]) as talk:
            recordings = Recordings(folder, log_text=log_text)
            recordings.begin(talk.session)
            await scene(talk)
            for report in talk.of(TurnTraced):
                recordings.turn(report.trace)
            talk.hangs_up()
            assert recordings._open == {}
            return talk.turns[0]

    return run_virtual(main())


async def question(talk):
    await talk.listens(1.0)
    await talk.speaks(3.0)
    await talk.listens(8.0)


def sides(path):
    with wave.open(str(path)) as file:
        audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T
        return file.getframerate(), audio


def begins(side, rate):
    return np.flatnonzero(np.abs(side) > 300)[0] / rate


def test_a_call_is_a_stereo_file_and_its_turns_are_timed_in_it(tmp_path):
    call(tmp_path / "calls", question)
    sound, turns = sorted((tmp_path / "calls").iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (sound.suffix, turns.suffix) == (".wav", ".jsonl")
    assert sound.stem == turns.stem
    assert stat.S_IMODE((tmp_path / "calls").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (sound, turns)} == {0o600}
    rate, (user, agent) = sides(sound)
    assert begins(user, rate) == pytest.approx(1.0, abs=0.03)
    (line,) = [json.loads(line) for line in turns.read_text().splitlines()]
    assert line["outcome"] == "completed"
    assert line["speech_end_s"] == pytest.approx(4.0, abs=0.05)
    assert line["first_packet_s"] == pytest.approx(begins(agent, rate), abs=0.03)
    heard_ms = (line["first_packet_s"] - line["speech_end_s"]) * 1000
    assert line["voice_to_voice_ms"] == pytest.approx(heard_ms, abs=2)
    assert "user_text" not in line
    assert "steps" not in line


def test_what_was_said_is_written_only_where_the_log_may_have_it(tmp_path):
    call(tmp_path, question, log_text=True)
    (turns,) = tmp_path.glob("*.jsonl")
    assert json.loads(turns.read_text())["user_text"] == QUESTION


def test_a_call_goes_on_where_nothing_can_be_written(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    trace = call(tmp_path / "file" / "calls", question)
    assert trace.outcome == "completed"
    assert [record.getMessage().startswith("a call is not recorded") for record in caplog.records] == [True]


def test_an_agent_records_every_session_and_says_so(tmp_path, caplog):
    async def main():
        settings = {"session.record": str(tmp_path), "session.greeting": "Hi."}
        with caplog.at_level(logging.WARNING):
            async with Agent("scripted.yaml", settings=settings) as agent:
                first, second = (agent.open_session(lambda report: None) for _ in range(2))
                first.hear(np.full(16_000, 0.1, np.float32))
                first.close()
        return first.id, second.id

    ids = asyncio.run(main())
    assert any("calls are recorded" in record.getMessage() for record in caplog.records)
    recorded = {path.stem.rpartition("-")[2]: path for path in tmp_path.glob("*.wav")}
    assert set(recorded) == set(ids)
    assert {path.stem for path in tmp_path.glob("*.jsonl")} == {path.stem for path in recorded.values()}
    rate, (user, _) = sides(recorded[ids[0]])
    assert len(user) == pytest.approx(rate, abs=0.002 * rate)
    assert sides(recorded[ids[1]])[1].shape == (2, 0)


def test_an_agent_that_is_not_asked_to_records_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def main():
        async with Agent("scripted.yaml") as agent:
            agent.open_session(lambda report: None).close()

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("folder", "verdict"), [("calls", "warning"), ("file/calls", "problem"), (None, "ok")])
def test_the_doctor_says_whether_calls_are_recorded(tmp_path, folder, verdict):
    (tmp_path / "file").write_text("")
    sets = [] if folder is None else ["--set", f"session.record={tmp_path / folder}"]
    result = CliRunner().invoke(cli, ["doctor", "--config", "scripted.yaml", "--json", *sets])
    (finding,) = [one for one in json.loads(result.stdout)["findings"] if one["check"] == "recording"]
    assert finding["verdict"] == verdict
