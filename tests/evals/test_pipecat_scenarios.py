"""Scenarios of `pipecat eval`: those that it runs against our server pass here, too; what does not map says so."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from voiceagent.audio.files import write_wav
from voiceagent.evals import Run, ScenarioError, evaluate, load_scenarios

THEIRS = Path(__file__).parents[1] / "clients" / "scenarios"
QUIET = ("session.greeting=", "session.idle_s=0")
VOICE = np.tile(0.3 * np.sin(2 * np.pi * 150 * np.arange(160) / 16_000), 200).astype(np.float32)


def run(path):
    return {result.name: result for result in evaluate(load_scenarios(path), Run("scripted.yaml", QUIET))}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(THEIRS, tmp_path / "scenarios")
    write_wav(tmp_path / "scenarios" / "voice.wav", VOICE, 16_000)
    return tmp_path / "scenarios"


def test_what_passes_there_passes_here_and_what_fails_there_fails_here(folder):
    results = run(folder / "scripted.yaml")
    assert set(results) == {"scripted/typed", "scripted/keys", "scripted/spoken", "scripted/interrupted"}
    assert [failure for result in results.values() for failure in result.failures] == []
    (wrong,) = run(folder / "wrong.yaml").values()
    assert wrong.failures == [
        f"{folder / 'wrong.yaml'}:8: expect: the agent said 'You said: Good morning. That was turn one.', "
        "which does not contain 'You said: Good night.'"
    ]


def test_a_context_is_what_was_said_before(folder):
    (written,) = [one for one in load_scenarios(folder / "models.yaml") if one.scenario.name == "models/remembered"]
    assert [(one.role, one.content) for one in written.scenario.before][1:] == [
        ("user", "I have a dog called Max."),
        ("assistant", "That is a nice name."),
    ]
    (result,) = evaluate([written], Run("scripted.yaml", QUIET))
    assert ("user", "I have a dog called Max.") in result.record.history


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("persona: Jamie\ngoal: Book a table.\n", 2, "persona: simulated callers are not read here"),
        ("turns:\n  - user: Hi.\n    image: a.png\n", 4, "image: pictures are not read here"),
        ("turns:\n  - user: Hi.\n    expect: [{event: llm_marker}]\n", 4, "event: 'llm_marker' is not read here"),
        ("turns:\n  - user: Hi.\n    send_after: {event: user_transcription}\n", 4, "should be bot_started_speaking"),
        ("turns:\n  - user: Hi.\n    expect: [{event: response, marker: short}]\n", 4, "marker: is not read in"),
        ("turns:\n  - dtmf: 12\n", 3, "keys: should be text or null, but is 12; put it in quotes"),
    ],
)
def test_what_does_not_map_says_so_at_its_line(tmp_path, text, line, message):
    path = tmp_path / "theirs.yaml"
    path.write_text(f"name: theirs\n{text}judge: {{modality: text}}\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path)
    assert any(str(one).startswith(f"{path}:{line}: ") and message in str(one) for one in caught.value.problems), (
        caught.value.problems
    )
