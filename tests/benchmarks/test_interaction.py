"""The interaction benchmark: one seed, one caller; and what it says of an agent that does well, or does not."""

import json
import re

import numpy as np
import pytest

from benchmarks import interaction
from benchmarks.corpus import Clip
from benchmarks.disturbances import Sound
from benchmarks.form import REPOSITORY
from benchmarks.rehearsed_line import rehearse
from benchmarks.rounds import Player
from benchmarks.script import Disturbance, Request, Round, Story, places_in, write
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.testing.sound import silence, voice

REQUESTS = [Clip(f"request {number}", "hello can you hear me", voice(1.5)) for number in range(6)]
BREAKS = {clip.name: [0.5, 0.9] for clip in REQUESTS}
SOUNDS = [
    Sound(kind, f"{kind} {number}", number % 2 == 0, voice(0.4))
    for kind in ("backchannel", "tic", "side_talk")
    for number in range(12)
]
SAID = {
    "yield_percent",
    "interrupts_user_percent",
    "ignores_backchannels_percent",
    "ignores_tics_percent",
    "ignores_side_talk_percent",
}
FAR, NEAR = -30.0, 0.0
"""In dB: what a scripted ear does not hear, and what it does."""


def test_a_round_is_the_same_for_the_same_seed_and_another_for_another():
    assert write(1, 3, REQUESTS, BREAKS, SOUNDS) == write(1, 3, REQUESTS, BREAKS, SOUNDS)
    assert write(1, 3, REQUESTS, BREAKS, SOUNDS) != write(2, 3, REQUESTS, BREAKS, SOUNDS)
    assert write(1, 3, REQUESTS, BREAKS, SOUNDS) != write(1, 4, REQUESTS, BREAKS, SOUNDS)


def test_a_round_has_every_kind_as_often_and_recordings_in_turn_with_what_is_synthetic():
    part = write(1, 1, REQUESTS, BREAKS, SOUNDS)
    for kind in ("backchannel", "tic"):
        sounds = [one.sound for story in part.stories for one in story.disturbances if one.sound.kind == kind]
        assert len(sounds) == len({sound.name for sound in sounds}) == len(part.stories)
        assert sum(sound.recorded for sound in sounds) == len(sounds) / 2


def test_a_pause_lies_between_words_and_lasts_as_people_pause():
    parts = [write(1, number, REQUESTS, BREAKS, SOUNDS) for number in range(40)]
    requests = [story.request for part in parts for story in part.stories]
    paused = [request for request in requests if request.pause_s]
    assert 0.5 < len(paused) / len(requests) < 0.9
    assert {request.break_s for request in paused} <= set(BREAKS["request 0"])
    assert all(0.2 <= request.pause_s <= 2.0 for request in paused)
    assert sum(request.pause_s > 0.6 for request in paused) < len(paused) / 2
    first = paused[0]
    assert len(first.pcm()) == len(first.clip.pcm) + round(first.pause_s * 16_000)


def test_a_pause_is_put_where_it_is_quiet_and_words_end():
    clip = Clip(
        "", "Hello there, my friend.", np.concatenate([voice(0.8), silence(0.1), voice(0.9), silence(0.1), voice(0.6)])
    )
    heard = {0.8: "hello there", 1.8: "hello there my fr"}

    def hear(pcm):
        return next((text for until_s, text in heard.items() if until_s <= len(pcm) / 16_000 <= until_s + 0.1), "he")

    places = places_in(clip, hear)
    assert places
    assert all(0.8 <= at <= 0.9 for at in places)


def play(level_db, *sets):
    """Play a round of two requests with a disturbance each, at a level, in virtual time."""
    one = Disturbance(SOUNDS[0], level_db, 1.0)
    stories = tuple(Story(Request(clip), 1.0, (one,)) for clip in REQUESTS[:2])

    async def on(line):
        player = Player(line, 7)
        await player.play(Round(7, stories, one))
        return player.samples

    llm = ScriptedLlm(lambda messages: interaction.STORY, timing=SMALL_CPU, sleep=lambda seconds: None)
    return rehearse(on, "session.greeting=''", *sets, asr=["tell me more of this"], llm=llm)


def test_an_agent_that_does_well_is_said_to():
    summary = interaction.summarise(samples := play(FAR))
    assert [sample["event"] for sample in samples] == ["7.1", "7.2", "7.3", "7.4", "7.5"]
    assert list(interaction.failures(samples)) == []
    assert summary["answer_ms_p50"] < 700
    assert summary["yield_percent"] == summary["ignores_backchannels_percent"] == 100
    assert summary["yield_ms_p90"] < 200
    assert summary["interrupts_user_percent"] is None, "nobody paused"
    assert summary["event_count"] == 6, "two answers, an interruption, three sounds"


def test_an_agent_that_stops_for_anything_or_for_nothing_is_said_to():
    samples = play(NEAR, "session.min_speech_ms=0", "session.interrupt_after_ms=0")
    assert interaction.summarise(samples)["ignores_backchannels_percent"] < 100
    assert "not ignored" in {wrong for _, _, wrong, _ in interaction.failures(samples)}
    deaf = interaction.summarise(play(FAR, "session.interrupt_after_ms=60000", "session.min_speech_ms=60000"))
    assert deaf["yield_percent"] == 0


@pytest.fixture
def without_models(monkeypatch):
    """No engines, no server: rounds that end at once."""

    class NoVoices:
        hear = None

        def __init__(self, settings):
            pass

    def rehearsed(part, voices, judge, config, sets):
        return [{"event": f"{part.number}.1", "kind": "tic", "name": "x", "recorded": True, "ignored": part.number > 1}]

    monkeypatch.setattr(interaction, "Voices", NoVoices)
    monkeypatch.setattr(interaction, "questions", lambda count: REQUESTS)
    monkeypatch.setattr(interaction, "places_in", lambda clip, hear: BREAKS[clip.name])
    monkeypatch.setattr(interaction, "gather", lambda voices: SOUNDS)
    monkeypatch.setattr(interaction, "rehearsed", rehearsed)


def test_a_run_may_be_made_in_parts(without_models, tmp_path):
    path = tmp_path / "report.json"
    for only in (["1", "2"], ["2", "3"]):
        interaction.main(["--rehearsed", "--json", str(path), "--append", "--only", *only])
    report = json.loads(path.read_text())
    assert [event["event"] for event in report["samples"]["events"]] == ["1.1", "2.1", "3.1"]
    assert report["summary"]["ignores_tics_percent"] == 66.67
    assert report["command"] == "python -m benchmarks.interaction --rehearsed --only 1 2 3"


def test_a_run_of_all_rounds_says_so(without_models, tmp_path):
    path = tmp_path / "report.json"
    interaction.main(["--rehearsed", "--rounds", "2", "--json", str(path)])
    assert json.loads(path.read_text())["command"] == "python -m benchmarks.interaction --rehearsed --rounds 2"


def test_the_readme_says_what_was_measured():
    summary = json.loads((REPOSITORY / "benchmarks/results/interaction.json").read_text())["summary"]
    said = (
        (REPOSITORY / "README.md").read_text().partition("`python -m benchmarks.interaction`")[2].partition("\n- ")[0]
    )
    percents = [f"{value:g} %" for key, value in summary.items() if key in SAID]
    assert len(percents) == len(SAID)
    assert sorted(re.findall(r"[\d.]+ %", said)) == sorted(percents)
    assert f"{summary['event_count']} events" in said
    assert f"within {summary['yield_ms_p90']:.0f} ms" in said
