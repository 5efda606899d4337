import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import estimate_word_times


def test_time_is_shared_by_weight() -> None:
    assert estimate_word_times(["a", "b"], 3.0, [1, 2]) == ((0.0, 1.0), (1.0, 3.0))


def test_longer_words_take_longer_and_numerals_as_long_as_they_sound() -> None:
    (_, a), (b, end) = estimate_word_times(["extraordinary", "me"], 1.0)
    assert a > 4 * (end - b)
    (_, a), (b, end) = estimate_word_times(["1,234", "abcdef"], 1.0)
    assert a > 4 * (end - b)


def test_marks_make_pauses_but_not_after_the_last_word() -> None:
    (_, comma), (stop_start, stop), (last_start, last) = estimate_word_times(
        ["one,", 'two."', "three!"], 2.0, [3, 3, 3]
    )
    assert 0 < stop_start - comma < last_start - stop
    assert last == pytest.approx(2.0)


def test_no_words_no_times_and_soundless_words_share_evenly() -> None:
    assert estimate_word_times([], 1.0) == ()
    assert estimate_word_times(["-", "-"], 1.0) == ((0.0, 0.5), (0.5, 1.0))


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.nan], [1.0, math.inf]])
def test_senseless_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="one weight >= 0 for each of the 2 words"):
        estimate_word_times(["a", "b"], 1.0, weights)


@given(st.lists(st.text(max_size=12), min_size=1, max_size=20), st.floats(0, 60))
def test_times_ascend_and_fill_the_duration(words: list[str], duration_s: float) -> None:
    times = estimate_word_times(words, duration_s)
    flat = [0.0, *(moment for span in times for moment in span)]
    assert flat == sorted(flat)
    assert flat[-1] == pytest.approx(duration_s)


def test_numerals_sound_as_in_the_language() -> None:
    assert estimate_word_times(["100", "a"], 1.0)[0][1] > 0.8
    assert estimate_word_times(["100", "a"], 1.0, language="pt")[0][1] == pytest.approx(0.75)
