"""A whole run of the benchmark against scripted engines, in virtual time."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import conversations as talk
from benchmarks import measuring, voice_to_voice
from benchmarks.corpus import Clip
from benchmarks.measuring import Plan, Run
from benchmarks.rehearsed_line import RehearsedLine
from benchmarks.summary import TARGETS, summarise
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.testing.webrtc.line import CallerError

STORY = "There was a sailor who loved the sea more than anything else in the world and told it so every day."
VOICE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(32_000) / 16_000)).astype(np.float32)
SMALL = Plan(questions=2, barge_ins=1, coughs=2, prompts=1, pauses=1)


@pytest.fixture(autouse=True)
def rehearsed(monkeypatch):
    """Calls without a network, and tones for recordings."""

    def call(url, loss=0.0):
        llm = ScriptedLlm(lambda messages: STORY, timing=SMALL_CPU, sleep=lambda seconds: None)
        return RehearsedLine(*([] if url == "greets" else ["session.greeting=''"]), llm=llm)

    def clips(count, longest_s):
        return [Clip(f"clip {number}", "Hello, can you hear me?", VOICE) for number in range(count)]

    def hesitant(count, longest_s):
        pause = np.zeros(8_000, np.float32)
        return [replace(clip, pcm=np.concatenate((VOICE, pause, VOICE))) for clip in clips(count, longest_s)]

    monkeypatch.setattr(measuring, "Caller", call)
    monkeypatch.setattr(measuring, "hesitant_clips", hesitant)
    monkeypatch.setattr(measuring.corpus, "questions", clips)
    monkeypatch.setattr(measuring.corpus, "prompts", clips)


def test_a_run_measures_everything():
    run = Run("greets", SMALL)
    run_virtual(run.all())
    summary = summarise(run.samples)
    assert [target.key for target in TARGETS if summary[target.key] is None] == []
    assert (summary["question_count"], summary["barge_in_count"], summary["cough_count"]) == (2, 1, 2)
    assert summary["loss_percent"] == 5.0
    assert summary["lag_ms_max_loss5"] == 20.0
    assert summary["error_count"] == 0
    assert [" ".join(answer.segments) for answer in run.answers] == [STORY, STORY]
    assert json.dumps(run.samples)


def test_a_quick_run_hears_no_answer_to_its_end_and_dictates_only_under_loss():
    run = Run("silent", Plan(1, 0, 0, 1, 0, quick=True), greets=False)
    run_virtual(run.all())
    assert run.answers == []
    assert "prompts" not in run.samples
    assert len(run.samples["prompts_loss5"]) == 1


def test_a_run_whose_time_is_up_keeps_what_it_has(capsys):
    run = Run("silent", SMALL, limit_s=12.0, greets=False)
    run_virtual(run.all())
    assert len(run.samples["questions"]) == 1
    assert "prompts" not in run.samples
    assert "Time is up" in capsys.readouterr().err


def test_what_does_not_happen_in_time_is_noted_and_the_second_time_ends_its_kind(monkeypatch):
    async def fail(*arguments, **options):
        raise CallerError("Waited in vain.")

    monkeypatch.setattr(talk, "ask", fail)
    run = Run("silent", Plan(5, 0, 0, 0, 0), greets=False)
    run_virtual(run.all())
    assert [error["number"] for error in run.samples["errors"]] == [1, 2]
    assert summarise(run.samples)["error_count"] == 2


def test_the_command_measures_a_running_server_prints_and_writes(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(voice_to_voice.asyncio, "run", run_virtual)
    monkeypatch.setattr(voice_to_voice, "Playback", _NoPlayback)
    monkeypatch.setattr(voice_to_voice.replies, "judge", _NoJudge)
    file = tmp_path / "report.json"
    monkeypatch.setattr(voice_to_voice, "FULL", SMALL)
    assert voice_to_voice.main(["--url", "greets", "--json", str(file)]) == 0
    written = json.loads(file.read_text())
    assert written["benchmark"] == "voice_to_voice"
    assert written["command"] == "python -m benchmarks.voice_to_voice"
    assert str(tmp_path) not in file.read_text()
    assert len(written["samples"]["answers"]) == 2
    assert "v2v_ms_p50" in capsys.readouterr().out


class _NoJudge:
    def on_topic(self, exchanges):
        return [True for _ in exchanges]


class _NoPlayback:
    def __init__(self, settings):
        pass

    def judge(self, answers):
        return [{"segments": [], "between_ms": [], "errors": 0, "words": 1} for _ in answers]
