"""When a silence is taken for the end of a turn: what is known is weighed, and what is likely costs the least."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shipped_rules import rules
from test_conversation import REAL, rehearse

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.end_of_turn import (
    LONGEST_STRETCH,
    SHORTEST_PAUSE_S,
    TAIL,
    end_log_odds,
    learn_pause,
    odds_of,
    stretch,
    wait_s,
)
from voiceagent.session.reports import UserTurnEnded

RULES = rules()
COST_S, LONGEST_S = RULES.cut_off_cost_s, RULES.max_wait_s
chance = st.floats(0, 1)
pauses = st.floats(0, 60)


def waits(sound, ending=None, text="I think", pause_s=0.0, cost_s=COST_S):
    return wait_s(end_log_odds(sound, ending, text, "en"), cost_s, pause_s, LONGEST_S)


@given(chance, st.none() | chance, st.text(max_size=40), pauses, st.floats(0, 100))
def test_nobody_waits_longer_than_the_longest_wait(sound, ending, text, pause_s, cost_s):
    assert 0 <= waits(sound, ending, text, pause_s, cost_s) <= LONGEST_S


@given(chance, chance, st.none() | chance, pauses)
def test_the_surer_the_detector_the_shorter_the_wait(one, other, ending, pause_s):
    low, high = sorted((one, other))
    assert waits(high, ending, pause_s=pause_s) <= waits(low, ending, pause_s=pause_s)


@given(chance, chance, chance, pauses)
def test_the_likelier_the_words_end_the_shorter_the_wait(sound, one, other, pause_s):
    low, high = sorted((one, other))
    assert waits(sound, high, pause_s=pause_s) <= waits(sound, low, pause_s=pause_s)


@given(chance, st.none() | chance, st.floats(0.01, 50), st.floats(0.01, 50))
def test_the_dearer_a_cut_off_the_longer_the_wait(sound, ending, one, other):
    low, high = sorted((one, other))
    assert waits(sound, ending, cost_s=low) <= waits(sound, ending, cost_s=high)


def test_where_cutting_in_costs_nothing_the_answer_comes_at_once():
    assert waits(0.0, 0.0, cost_s=0.0) == 0.0


@given(st.floats(-4, 4), st.floats(0.1, 20), st.floats(0, 3))
def test_at_the_answer_waiting_begins_to_cost_more_than_it_saves(odds, cost_s, pause_s):
    """The next moment of silence costs the odds of the end; it saves the cost of a cut-off where a pause ends in it."""

    def saved(at_s):
        shortest = SHORTEST_PAUSE_S * stretch(pause_s)
        return cost_s * TAIL / shortest * (at_s / shortest) ** -(TAIL + 1)

    until_s = wait_s(odds, cost_s, pause_s, longest_s=1e6)
    cost = 2.718281828**odds
    assert saved(until_s) == pytest.approx(cost, rel=1e-6)
    assert saved(until_s * 0.9) > cost > saved(until_s * 1.1)


def test_a_finished_sentence_shortens_the_wait_and_a_slow_speaker_lengthens_it():
    assert waits(0.2, text="I think so.") < waits(0.2, text="I think so")
    assert waits(0.6, pause_s=1.2) > waits(0.6)
    assert stretch(1e9) == LONGEST_STRETCH
    assert stretch(0.1) == stretch(0.0) == 1.0


@given(st.floats(0.05, 2), pauses)
def test_a_length_of_silence_is_odds_by_which_it_is_waited_for(silence_s, pause_s):
    assert wait_s(odds_of(silence_s), 1.0, 0.0, LONGEST_S) == pytest.approx(silence_s)
    assert wait_s(odds_of(silence_s), 1.0, pause_s, LONGEST_S) >= silence_s - 1e-9
    assert wait_s(odds_of(0.0), 1.0, pause_s, LONGEST_S) < 0.01


def test_pauses_are_learned_quickly_and_not_at_once():
    first = learn_pause(0.0, 1.5)
    assert 0.5 < first < 1.5
    assert first < learn_pause(first, 1.5) < 1.5


SAYING = {"I would like to": 0.01, "I would like to go home": 0.9}


def reads(**given):
    return ScriptedLlm(ending=lambda text: SAYING.get(text, 0.5), **REAL, **given)


def turns(talk):
    return [turn.text for turn in talk.of(UserTurnEnded)]


def waited_s(text, sound):
    """The silence after which words are a turn, in a conversation of which they are the second turn."""

    async def scene(talk):
        await talk.says("Hello there.")
        spoken = len(turns(talk))
        await talk._say(text, 0.0)
        silent_s = 0.0
        while len(turns(talk)) == spoken:
            await talk.listens(0.02)
            silent_s += 0.02
        seen.append(silent_s)

    seen = []
    rehearse(scene, turn=[0.9, sound], llm=reads())
    return seen[0]


def test_words_that_need_another_are_waited_for_though_the_voice_sounds_finished():
    assert waited_s("I would like to", 0.9) > waited_s("I would like to go home", 0.9) + 0.1


def test_only_where_voice_and_words_both_say_that_more_is_to_come_is_it_waited_for_to_the_limit():
    assert waited_s("I would like to", 0.01) == pytest.approx(LONGEST_S, abs=0.1)
    assert waited_s("I would like to", 0.3) < LONGEST_S - 0.5
    assert waited_s("5 5 5", 0.9) == pytest.approx(RULES.patience_s, abs=0.1), "more digits may come"
    assert RULES.patience_s < LONGEST_S - 0.5


def test_who_pauses_for_long_is_waited_for_longer_where_more_of_a_number_may_come():
    async def scene(talk):
        await talk._say("4 2", 1.0)
        await talk._say("7", 1.0)
        await talk._say("5", 0.0)
        while not turns(talk):
            await talk.listens(0.02)
            seen.append(0.02)

    seen = []
    rehearse(scene, turn=[0.9], llm=reads())
    assert RULES.patience_s + 0.2 < sum(seen) < LONGEST_S


def test_words_that_are_whole_are_answered_sooner_though_the_voice_does_not_sound_so():
    assert waited_s("I would like to go home", 0.3) < waited_s("I would like to", 0.3) - 0.1


@pytest.mark.parametrize("text", SAYING)
@pytest.mark.parametrize("sound", [0.0, 0.5, 1.0])
def test_whatever_is_known_nobody_waits_in_silence_beyond_the_limit(text, sound):
    assert waited_s(text, sound) <= LONGEST_S + 0.1
