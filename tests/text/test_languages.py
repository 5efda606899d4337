import pytest

from voiceagent.text import LANGUAGES, Segmenter, is_backchannel, looks_finished, normalise, speakable, word_error_rate
from voiceagent.text.boundaries import clause_ends, sentence_ends
from voiceagent.text.languages import language


@pytest.mark.parametrize("tag", ["en", "en-US", "EN_gb", " en "])
def test_a_tag_names_its_language(tag: str) -> None:
    assert language(tag) is language("en")
    assert language(language("en")) is language("en")
    assert language(tag).name == "English"
    assert speakable("2 cats", tag) == "two cats"


def test_a_language_without_tables_is_neutral() -> None:
    assert "pt" not in LANGUAGES
    assert speakable("O Dr. tem 2 gatos, ok?", "pt") == "O Dr. tem 2 gatos, ok?"
    assert normalise("Tenho 2.", "pt") == "tenho 2"
    assert word_error_rate("two", "2", "pt") == (1, 1)
    assert not is_backchannel("ok", "pt")
    assert looks_finished("Eu quero the.", "pt")
    assert Segmenter(language="pt").push("É um gato. ") == ["É um gato."]


def test_abbreviations_and_conjunctions_are_the_languages_own() -> None:
    text = "Then Dr. Lee and Mr. Ray left. Ok"
    assert list(sentence_ends(text, language("en"))) == [30]
    assert list(sentence_ends(text, language("pt"))) == [8, 20, 30]
    assert list(clause_ends("here and there", language("en"))) == [4]
    assert list(clause_ends("here and there", language("pt"))) == []


def test_a_full_stop_after_a_number_may_make_it_an_ordinal() -> None:
    from dataclasses import replace

    dotted = replace(language("en"), dotted_ordinals=True)
    assert list(sentence_ends("Am 3. Mai war es 5. Then on. ", dotted)) == [19, 28]
    assert list(sentence_ends("Am 3. Mai war es 5. Then on. ", language("en"))) == [5, 19, 28]
