from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.tts.pronunciation import MAX_PHONEMES, Word, divide, pronounced, sounds, utterances

READINGS = {"3.5": "THREE POINT FIVE", "e.g.": "EE JEE", "☺": "", "New": "NEWYORK", "York": ""}
"""How `spell` says what it does not say letter by letter."""


def spell(text: str) -> str:
    return " ".join(filter(None, (READINGS.get(word, word.upper()) for word in text.split())))


def said(sentence: str) -> list[tuple[str, str]]:
    return [(word.text, word.phonemes) for word in pronounced(sentence, spell)]


def test_words_get_the_phonemes_they_are_said_with() -> None:
    assert said("Hello there, you.") == [("Hello", "HELLO"), ("there,", "THERE,"), ("you.", "YOU.")]


def test_a_word_may_be_said_in_several_groups() -> None:
    assert said("about 3.5 e.g. now") == [
        ("about", "ABOUT"),
        ("3.5", "THREE POINT FIVE"),
        ("e.g.", "EE JEE"),
        ("now", "NOW"),
    ]


def test_a_word_may_not_be_said_at_all() -> None:
    assert said("so ☺ we") == [("so", "SO"), ("☺", ""), ("we", "WE")]


def test_groups_that_cannot_be_told_apart_go_to_the_earlier_word() -> None:
    merging = {"ok ...": "OK...", "ok": "OK", "...": "..."}
    assert pronounced("ok ...", merging.__getitem__) == [Word("ok", "OK..."), Word("...", "")]


def test_a_sentence_is_said_at_once() -> None:
    spoken = utterances("One two. Three.", ["One two.", "Three."], spell)
    assert [[word.text for word in utterance.words] for utterance in spoken] == [["One", "two."], ["Three."]]
    assert all(utterance.sounds and utterance.ends_sentence for utterance in spoken)


def test_words_are_the_texts_own_whatever_the_sentences_leave_out() -> None:
    spoken = utterances('He said "hi." Then.', ['He said "hi.', "Then."], spell)
    assert [word.text for utterance in spoken for word in utterance.words] == ["He", "said", '"hi."', "Then."]


def test_what_has_no_sound_is_shown_with_what_has() -> None:
    spoken = utterances("☺ Yes. — No. ☺", ["☺", "Yes.", "—", "No.", "☺"], spell)
    assert [[word.text for word in utterance.words] for utterance in spoken] == [["☺", "Yes."], ["—", "No.", "☺"]]


def test_a_text_without_a_sound_is_one_silent_utterance() -> None:
    for text in ("", "?!", "☺ —"):
        (utterance,) = utterances(text, [text] if text else [], spell)
        assert not utterance.sounds
        assert " ".join(word.text for word in utterance.words) == text


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    words = [Word(f"w{n}", "A" * 9 + ("," if n % 7 == 6 else "")) for n in range(50)]
    parts = list(divide(words))
    assert len(parts) > 1
    assert all(part[-1].phonemes.endswith(",") for part in parts[:-1])


@given(st.lists(st.integers(0, 2 * MAX_PHONEMES), min_size=1, max_size=40))
def test_no_part_is_longer_than_can_be_spoken_at_once_unless_it_is_one_word(lengths: list[int]) -> None:
    words = [Word("w", "A" * length) for length in lengths]
    parts = list(divide(words))
    assert [word for part in parts for word in part] == words
    for part in parts:
        assert len(part) == 1 or sum(len(word.phonemes) for word in part) <= MAX_PHONEMES


def test_pauses_are_no_sound() -> None:
    assert sounds("hə, ")
    assert not sounds("?! —…")
    assert not sounds("")
