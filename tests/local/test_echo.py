"""The echo canceller on a simulated room: what a loudspeaker says is gone, what a person says is not."""

from functools import cache

import numpy as np
import pytest

from benchmarks.echo_room.acoustics import Path, at_level, echo_of
from voiceagent.app.engines import build_engine
from voiceagent.app.settings import load_settings
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import level_db
from voiceagent.engines.drive import drive
from voiceagent.local.echo import RELEARNS_BLOCKS, EchoCanceller, EchoState
from voiceagent.local.linear import BLOCK, LinearFilter

RATE = 16_000


AGENT = "I think the weather will stay warm for the rest of the week, so you could plan a picnic by the river."
PERSON = "The museum opens at ten in the morning, and the tickets are cheaper if you buy them the day before."


@cache
def spoken(text, rate):
    """Return a sentence of the embedded voice: 16 kHz, lower than its own where `rate` is."""
    engine = build_engine("tts", load_settings("cpu.yaml", []).settings, ())
    engine.load()
    pieces = []
    stream = engine.open(lambda event: pieces.append(event.pcm))
    stream.speak(1, 0, text, deadline=0.0)
    drive(engine)
    stream.close()
    return at_level(resample(np.concatenate(pieces), rate, RATE), -20)


def agent(seconds):
    return np.resize(spoken(AGENT, 24_000), round(seconds * RATE)).copy()


def person(seconds):
    return np.resize(spoken(PERSON, 20_000), round(seconds * RATE)).copy() * np.float32(0.5)


def heard(canceller, far, near):
    clean = np.zeros_like(near)
    for at in range(0, len(near) - BLOCK + 1, BLOCK):
        block = slice(at, at + BLOCK)
        clean[block] = canceller.gate(canceller.process(near[block], far[block]))
    return clean


def kept_of(clean, near):
    """Return how much of the person is left, by the correlation of spectrograms: phases do not matter."""
    one, other = (
        np.log(np.abs(np.fft.rfft(seconds(pcm, 8.5, 11.5).reshape(-1, 480))[:, 5:120]) + 1e-3) for pcm in (clean, near)
    )
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def seconds(pcm, start, end):
    return pcm[round(start * RATE) : round(end * RATE)]


@pytest.mark.parametrize(
    "path", [Path(), Path(delay_ms=20), Path(level_db=-40), Path(drift_ppm=200), Path(drift_ppm=-200)]
)
def test_an_echo_is_gone_from_the_first_second_on(path):
    far = agent(6)
    echo = echo_of(far, RATE, path)
    canceller = EchoCanceller()
    clean = heard(canceller, far, echo)
    assert level_db(seconds(clean, 1, 6)) < level_db(seconds(echo, 1, 6)) - 20
    assert canceller.state is EchoState.READY
    assert canceller.erle_db > 20


def test_a_person_who_talks_over_the_agent_is_kept():
    far, near = agent(12), person(12)
    near[: 8 * RATE] = 0
    microphone = echo_of(far, RATE, Path()) + near
    kept, by_aec3 = (kept_of(heard(EchoCanceller(linear=linear), far, microphone), near) for linear in (True, False))
    assert kept > 0.65
    assert by_aec3 < kept - 0.1


def test_a_person_alone_passes_as_they_are():
    near = person(3)
    clean = heard(EchoCanceller(), np.zeros_like(near), near)
    assert abs(level_db(seconds(clean, 1, 3)) - level_db(seconds(near, 1, 3))) < 1


def test_an_echo_that_comes_at_another_time_is_learnt_anew():
    far = agent(12)
    echo = echo_of(far, RATE, Path(jump_at_s=6.0, jump_ms=100))
    clean = heard(EchoCanceller(), far, echo)
    assert level_db(seconds(clean, 7, 12)) < level_db(seconds(echo, 7, 12)) - 20


def test_after_a_gap_nothing_is_heard_while_the_agent_sounds_until_the_room_is_learnt_again():
    far, near = agent(6), person(6)
    canceller = EchoCanceller()
    heard(canceller, seconds(far, 0, 2), echo_of(far, RATE, Path())[: 2 * RATE])
    canceller.disturb()
    assert canceller.state is EchoState.LEARNING
    clean = heard(canceller, seconds(far, 2, 4), seconds(near, 2, 4))
    deaf_s = RELEARNS_BLOCKS * BLOCK / RATE
    assert level_db(seconds(clean, 0, deaf_s)) < level_db(seconds(clean, deaf_s, 2)) - 20


def test_the_gate_is_open_while_the_agent_is_silent():
    quiet = np.resize(np.array([1e-3, -1e-3], np.float32), RATE)  # -60 dBFS
    canceller = EchoCanceller()
    block = quiet[:BLOCK]
    assert np.array_equal(canceller.gate(block), block)
    canceller.process(block, agent(1)[-BLOCK * 50 :][:BLOCK])
    assert level_db(canceller.gate(block)) < level_db(block) - 20


def test_the_linear_filter_alone_takes_nothing_of_what_it_has_not_predicted():
    near = person(1)
    linear = LinearFilter()
    for at in range(0, len(near), BLOCK):
        block = near[at : at + BLOCK]
        assert np.array_equal(linear.process(block, np.zeros(BLOCK, np.float32)), block)
