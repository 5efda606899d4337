import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import asks_again, is_backchannel, looks_finished, normalise, word_error_rate, words


@pytest.mark.parametrize(
    "text",
    [
        "mm-hm",
        "Mm-hmm.",
        "Mhm",
        "Uh-huh.",
        "uh huh",
        "Yeah.",
        "OK",
        "Okay, okay.",
        "Right.",
        "hmm",
        "Hm...",
        "Mm.",
        "Yeah, right. I see!",
        "All right.",
        "Alright",
        "Oh, wow",
        "Sure",
        "Got it.",
        "Aha!",
    ],
)
def test_signals_to_go_on_are_backchannels(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "no",
        "No!",
        "stop",
        "Wait.",
        "yes please",
        "Yes.",
        "uh-uh",
        "Uh",
        "um",
        "huh?",
        "Right now.",
        "yeah but",
        "OK stop",
        "m",
        "What?",
        "I see a dog",
        "oh no",
    ],
)
def test_what_asks_for_the_floor_is_no_backchannel(text: str) -> None:
    assert not is_backchannel(text)


def test_words_are_as_written_and_marks_alone_are_none() -> None:
    assert words(' "Hello," she said - it\'s 3.5! ') == ['"Hello,"', "she", "said", "it's", "3.5!"]
    assert words("今日は。ok") == ["今", "日", "は。", "ok"]
    assert words(" — ... ") == []


def test_texts_that_sound_alike_are_normalised_alike() -> None:
    assert normalise("It’s 2 p.m., okay?  THREE-quarters & $5") == normalise(
        "its two PM ok three quarters and five dollars"
    )
    assert normalise("Straße 字字") == "strasse 字 字"


def test_errors_are_counted_in_words() -> None:
    assert word_error_rate("the cat sat", "The cat sat.") == (0, 3)
    assert word_error_rate("the cat sat", "the bat sat down") == (2, 3)
    assert word_error_rate("one two three", "") == (3, 3)
    assert word_error_rate("", "one two") == (2, 0)
    assert word_error_rate("press 2 now", "press two now") == (0, 3)


def slow_distance(reference: list[str], hypothesis: list[str]) -> int:
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


WORDS = st.lists(st.sampled_from(["ant", "bee", "cat", "dog"]), max_size=80)


@given(WORDS, WORDS)
def test_the_error_count_is_the_edit_distance(reference: list[str], hypothesis: list[str]) -> None:
    errors, _ = word_error_rate(" ".join(reference), " ".join(hypothesis))
    assert errors == slow_distance(reference, hypothesis)


@pytest.mark.parametrize(
    "text", ["I like it.", "What are you waiting for?", "Stop!", 'She said "yes."', "好的。", "Turn it on. ", "क्या?"]
)
def test_a_whole_sentence_looks_finished(text: str) -> None:
    assert looks_finished(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "I like it", "I like,", "I want the.", "And um.", "It is made of.", "So I...", "Well…", "Because?"],
)
def test_a_broken_off_sentence_does_not_look_finished(text: str) -> None:
    assert not looks_finished(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Sorry, could you say that again?"),
        ("en", "I didn't hear you."),
        ("de", "Können Sie das bitte noch einmal sagen?"),
        ("de", "Wie bitte?"),
        ("es", "¿Puede repetirlo?"),
        ("es", "No le he oído."),
        ("fr", "Vous pouvez répéter ?"),
        ("fr", "Qu'avez-vous dit ?"),
    ],
)
def test_people_ask_to_hear_something_once_more(language: str, text: str) -> None:
    assert asks_again(text, language)
    assert not asks_again({"en": "Tea.", "de": "Tee.", "es": "Té.", "fr": "Du thé."}[language], language)
