"""What slips out, and what says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import calls_out, is_drawn_out, is_tic, says_nothing

TICS = {
    "en": ["Uh.", "Um...", "Hmm.", "Ha ha ha!", "Haha.", "Ahem.", "Achoo!", "Oh, ow!", "[laughter]", "(coughs) Uh."],
    "de": ["Ähm.", "Äh, hm.", "Haha!", "Hatschi!", "Ups.", "[Husten]"],
    "es": ["Eh...", "Em.", "Jajaja.", "¡Ay!", "Achís."],
    "fr": ["Euh.", "Hem.", "Aïe !", "Ha ha.", "Atchoum !"],
}
MEANT = {
    "en": [
        "Uh, wait.",
        "No.",
        "Stop.",
        "Hot.",
        "Ham.",
        "Home",
        "[laughter] Wait.",
        "He is.",
        "Ohio.",
        "Wow, why?",
        "...",
    ],
    "de": ["Äh, nein.", "Halt.", "Ja."],
    "es": ["Eh, no.", "Espera.", "Jamón."],
    "fr": ["Euh, non.", "Attends.", "Haut."],
}


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in TICS.items() for text in texts])
def test_what_slips_out_is_known(language, text):
    assert is_tic(text, language)
    assert says_nothing(text, language)


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in MEANT.items() for text in texts])
def test_words_are_not_taken_for_it(language, text):
    assert not is_tic(text, language)


@pytest.mark.parametrize("text", ["Oh, right. Ha ha.", "Um, okay.", "Yeah, uh-huh, hmm.", "[coughs] Sure."])
def test_tics_and_signs_of_attention_together_say_nothing(text):
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["Oh, right there.", "Um, okay, stop.", "Sure thing", "Ha, no."])
def test_a_word_among_them_says_something(text):
    assert not says_nothing(text)


@given(st.text())
def test_any_text_may_be_asked_about(text):
    for language in TICS:
        assert says_nothing(text, language) or not is_tic(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Wait!"),
        ("en", "No."),
        ("en", "Tell me."),
        ("en", "Hold on,"),
        ("en", "that is not"),
        ("de", "Halt!"),
        ("es", "¿Qué?"),
        ("fr", "Attends !"),
        ("it", "Bene."),
    ],
)
def test_people_interrupt_by_these_words_or_a_sentence(language, text):
    assert calls_out(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Mama."),
        ("en", "Well,"),
        ("en", "If I,"),
        ("en", "Not only,"),
        ("de", "Nun."),
        ("es", "Pues."),
        ("fr", "Bon."),
    ],
)
def test_other_words_that_are_few_interrupt_nobody(language, text):
    assert not calls_out(text, language)


def test_a_little_sentence_interrupts_only_if_it_was_surely_said():
    assert calls_out("Not only.")
    assert not calls_out("Not only.", sure=False)
    assert all(calls_out(text, sure=False) for text in ("Wait.", "Hold on,", "that is not"))


@pytest.mark.parametrize(
    ("language", "text", "sound_s"),
    [("en", "Her.", 0.8), ("en", "If I,", 0.8), ("en", "Mama.", 1.0), ("de", "Er.", 0.8), ("fr", "Elle.", 0.9)],
)
def test_a_sound_that_lasts_is_too_long_for_a_little_word(language, text, sound_s):
    assert is_drawn_out(text, sound_s, language)
    assert not is_drawn_out(text, 0.3, language)


@pytest.mark.parametrize(
    ("language", "text", "sound_s"),
    [
        ("en", "", 1.0),
        ("en", "No.", 1.2),
        ("en", "Tomorrow.", 1.0),
        ("en", "Tell me.", 1.3),
        ("en", "I am not.", 2.0),
        ("de", "Halt!", 1.0),
        ("it", "Bene.", 1.0),
    ],
)
def test_what_people_interrupt_with_may_last(language, text, sound_s):
    assert not is_drawn_out(text, sound_s, language)
