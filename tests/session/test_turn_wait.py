"""How long to wait for a speaker who has paused."""

from hypothesis import given
from hypothesis import strategies as st
from shipped_rules import rules

from voiceagent.session.turn_wait import learn_pause, turn_wait_s

RULES = rules()


@given(st.floats(0, 1), st.booleans(), st.floats(0, 60))
def test_the_wait_is_bounded_both_ways(probability, finished, pause_s):
    assert RULES.min_wait_s <= turn_wait_s(probability, finished, RULES, pause_s) <= RULES.max_wait_s


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_the_surer_the_detector_the_shorter_the_wait(one, other, finished):
    low, high = sorted((one, other))
    assert turn_wait_s(high, finished, RULES, 0.0) <= turn_wait_s(low, finished, RULES, 0.0)


def test_a_finished_sentence_shortens_the_wait_and_a_slow_speaker_lengthens_it():
    assert turn_wait_s(0.2, True, RULES, 0.0) < turn_wait_s(0.2, False, RULES, 0.0)
    assert turn_wait_s(0.4, False, RULES, 0.7) > turn_wait_s(0.4, False, RULES, 0.0)


def test_a_threshold_of_nothing_waits_the_least():
    assert turn_wait_s(0.0, False, rules(threshold=0.0), 0.0) == RULES.min_wait_s


def test_pauses_are_learned_quickly_and_not_at_once():
    first = learn_pause(0.0, 0.4)
    assert first == 0.4
    assert 0.4 < learn_pause(first, 0.8) < 0.8
