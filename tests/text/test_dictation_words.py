"""What is dictated, what is asked for, and who is still thinking, in each language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import LANGUAGES, asks_to_dictate, breaks_off, is_dictated, is_filler, is_question, is_single

DICTATED = {
    "en": ["5 5 5", "Five, oh, double seven.", "B. C. D.", "555-01-47", "A 4"],
    "de": ["fünf fünf null", "zwei, zwo.", "B E R G"],
    "es": ["cinco cinco cero", "uno, dos.", "B, E."],
    "fr": ["zéro six", "cinq, cinq.", "B. E. R."],
}
ASKED = {
    "en": ["What is your phone number?", "How do you spell that?", "And your name, please?"],
    "de": ["Wie ist Ihre Telefonnummer?", "Können Sie das buchstabieren?", "Wie ist Ihr Nachname?"],
    "es": ["¿Cuál es su número de teléfono?", "¿Me lo deletrea?", "¿Su nombre, por favor?"],
    "fr": ["Quel est votre numéro ?", "Vous pouvez l'épeler ?", "Votre nom, s'il vous plaît ?"],
}
NOT_ASKED = {
    "en": "Shall I book the table for you now?",
    "de": "Soll ich den Tisch jetzt reservieren?",
    "es": "¿Le reservo la mesa ahora?",
    "fr": "Je vous réserve la table maintenant ?",
}
THINKING = {
    "en": ["um", "Um, let me see.", "My number is, uh", "Well, I think, ah.", "Well...", "Hang on."],
    "de": ["Äh", "Ähm, mal sehen.", "Meine Nummer ist, öhm", "Also...", "Moment."],
    "es": ["Eh...", "A ver.", "Mi número es, eh", "Pues...", "Un momento."],
    "fr": ["Euh", "Voyons...", "Mon numéro est, euh", "Alors...", "Un instant."],
}
BROKEN_OFF = {
    "en": ["Could you please tell me the", "Two years ago, because", "My brother and his"],
    "de": ["Können Sie mir bitte sagen, ob", "Vor zwei Jahren, weil", "Mein Bruder und"],
    "es": ["Me puede decir si", "Hace dos años, porque", "Mi hermano y"],
    "fr": ["Pouvez-vous me dire si", "Il y a deux ans, parce que", "Mon frère et"],
}
DONE = {"en": "He did well.", "de": "Ich komme also.", "es": "Está bueno.", "fr": "C'est bon."}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_dictated_is_known(language):
    assert all(is_dictated(text, language) for text in DICTATED[language])
    assert not any(is_dictated(text, language) for text in (*ASKED[language], DONE[language], ""))


def test_a_share_lets_words_be_among_the_letters_that_a_recogniser_made_of_others():
    for text in ("B. wives.", "H is.", "B y r the", "Two, one, two, five. 5. Flies. Flies. 0. 1."):
        assert is_dictated(text, share=0.5)
        assert not is_dictated(text)
    assert not any(is_dictated(text, share=0.5) for text in ("My number is 5", "I do not know", "", "..."))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_asks_for_it_is_known(language):
    assert all(asks_to_dictate(text, language) for text in ASKED[language])
    assert asks_to_dictate(f"Very well. {ASKED[language][0]}", language)
    assert not asks_to_dictate(f"{ASKED[language][0]} {DONE[language]}", language)
    assert is_question(NOT_ASKED[language])
    assert not asks_to_dictate(NOT_ASKED[language], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_thinking_is_known(language):
    assert [text for text in THINKING[language] if not is_filler(text, language)] == []
    assert not is_filler(DONE[language], language)
    assert not is_filler("", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_breaks_off_in_mid_sentence_is_known(language):
    assert [text for text in BROKEN_OFF[language] if not breaks_off(text, language)] == []
    assert not any(breaks_off(f"{text}.", language) for text in BROKEN_OFF[language])  # the recogniser heard an end
    assert not any(breaks_off(text, language) for text in (DONE[language], DONE[language][:-1], "", "...", "?"))


def test_one_digit_or_letter_is_single_and_a_number_is_not():
    assert all(is_single(text) for text in ("5", "Five.", "b", "B."))
    assert not any(is_single(text) for text in ("42", "5 5", "hello", "5-5", ""))


@given(st.text(), st.sampled_from(LANGUAGES))
def test_any_text_can_be_asked_about(text, language):
    for judge in (is_dictated, is_filler, asks_to_dictate, is_single):
        assert judge(text, language) in (True, False)


def test_long_texts_take_no_time():
    for text in ("um " * 20_000, "5 " * 20_000, "a " * 20_000 + "um"):
        assert isinstance(is_filler(text), bool)
        assert isinstance(is_dictated(text), bool)
