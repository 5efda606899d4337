"""What the user says, in pieces: words for scripted engines, sound for real ones."""

from pathlib import Path

import numpy as np
import pytest

from voiceagent.audio.files import write_wav
from voiceagent.evals import Run, evaluate, load_scenarios
from voiceagent.evals.scenario import Turn
from voiceagent.evals.utterance import Utterances
from voiceagent.testing import recordings
from voiceagent.testing.sound import silence, voice

HERE = Path()


def turn(**data):
    return Turn.model_validate(data)


def test_words_are_spoken_only_for_engines_that_hear():
    two = turn(user=["one", {"pause_ms": 500}, "two"])
    assert [(piece.text, piece.pcm, piece.pause_s) for piece in Utterances(HERE, None, None).of(two)] == [
        ("one", None, 0),
        ("", None, 0.5),
        ("two", None, 0),
    ]
    spoken = Utterances(HERE, lambda text: voice(len(text) / 10), None).of(two)
    assert [None if piece.pcm is None else len(piece.pcm) for piece in spoken] == [4_800, None, 4_800]


def test_a_cough_is_as_long_as_it_is_said_to_be_and_differs_by_seed():
    coughs = [
        Utterances(HERE, None, seed).of(turn(sound="cough", sound_ms=300))[0].pcm for seed in (None, "a", "a", "c")
    ]
    assert [len(pcm) for pcm in coughs] == [4_800] * 4
    assert np.array_equal(coughs[1], coughs[2])
    assert not np.array_equal(coughs[0], coughs[1])


def test_pauses_differ_by_a_tenth_at_most():
    plain, varied = Utterances(HERE, None, None), Utterances(HERE, None, "x")
    assert {plain.seconds(800) for _ in range(50)} == {0.8}
    lengths = {varied.seconds(800) for _ in range(50)}
    assert len(lengths) == 50
    assert min(lengths) >= 0.72
    assert max(lengths) <= 0.88


def test_a_recording_is_found_beside_the_scenario_and_played(tmp_path):
    said = np.concatenate([voice(1.5), silence(0.2)])
    write_wav(tmp_path / "hello.wav", said, 16_000)
    (tmp_path / "a.yaml").write_text(
        "name: a\nset: {session.greeting: '', session.idle_s: 0}\nturns:\n"
        "  - {user: Hello there., audio: hello.wav, expect: {hears: hello there}}\n"
    )
    (result,) = evaluate(load_scenarios(tmp_path), Run(sound=True))
    assert result.failures == []
    (piece,) = Utterances(tmp_path, None, None).of(turn(user="Hello there.", audio="hello.wav"))
    assert len(piece.pcm) == len(said)


@pytest.mark.skipif(not recordings.PROMPTS.exists(), reason="the Debian packages with recordings are not installed")
def test_recorded_speech_is_found_by_its_name_with_its_words():
    name, text = next((one.name, one.text) for one in recordings.recordings())
    (heard,) = Utterances(HERE, None, None).of(turn(recording=name))
    (played,) = Utterances(HERE, voice, None).of(turn(recording=name))
    assert (heard.text, heard.pcm) == (text, None)
    assert (played.text, len(played.pcm) > 1_600) == (text, True)


def test_what_is_not_there_fails_its_conversation_and_no_other(tmp_path):
    for name, what in (
        ("a", "{recording: no-such-name}"),
        ("b", "{user: Hi., audio: gone.wav}"),
        ("c", "{types: Hi.}"),
    ):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nset: {{session.idle_s: 0}}\nturns: [{what}]\n")
    missing, gone, good = evaluate(load_scenarios(tmp_path))
    assert len(missing.failures) == 1
    assert "no-such-name" in missing.failures[0] or "sudo apt install" in missing.failures[0]
    assert "gone.wav does not exist; check the path." in gone.failures[0]
    assert good.passed
