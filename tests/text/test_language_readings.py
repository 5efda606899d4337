"""What holds of the readings in every language: nothing is lost, nothing invented, and any text is answered."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reading_cases import reading_cases

from voiceagent.text import Segmenter, is_backchannel, looks_finished, normalise, speakable
from voiceagent.text.languages import language

READ = {"de": "german", "es": "spanish", "fr": "french"}
PIECES = (
    "http:// www. a@b.c $1 1/2 5\xa0km Dr. Nr. XIV 1. 3.\xa0Mai 14:30 14h30 1er 2ª n°\xa05 -5 2-3 € 1.234 "
    "1\xa0234 0 12 und el le M. z.\xa0B. % § siglo Ludwig Louis ½ er Mio. : + / ² °C h ** ` ~ # | < > [x]( ٣ ①"
)
TEXTS = st.text(max_size=80) | st.lists(st.sampled_from([*PIECES.split(" "), " ", "\n"]), max_size=25).map("".join)
HOSTILE = [
    "1",
    "1,",
    "1.",
    "1-",
    "1/",
    "1 ",
    "111 ",
    "1:",
    "0 ",
    "0611 ",
    "€",
    "$1",
    "1 €-",
    "1.1.",
    "1h",
    "1er",
    "-1",
    "XIV",
    "X. ",
    "Ludwig X",
    "siglo X",
    "Dr. ",
    "z. B. ",
    "PIN ist ",
    "1 km-",
    "am 1. ",
    "1 1/2 ",
    "a.b ",
    "z. ",
    "1 Mio",
    "str.",
    "+1",
    "é",
]
PROSE = {
    "de": "die Katze saß, und schlief. warum? ja! aber der Hund nicht: ein Tag ohne Ende",
    "es": "la gata dormía, y soñaba. ¿por qué? ¡claro! pero el perro no: un día sin fin",
    "fr": "le chat dormait, et rêvait. pourquoi? oui! mais le chien non: un jour sans fin c'est l'été",
}


@pytest.mark.parametrize("code", READ)
@given(text=TEXTS)
@example(text="1" * 40 + "," + "2" * 40)
def test_no_digit_and_no_sign_of_markup_is_left(code: str, text: str) -> None:
    said = speakable(text, code)
    assert not re.search(r"[0-9]|[*#_~|`\n^]|^\s|\s$|  ", said)
    assert not re.search(r"[0-9]", language(code).read(text))
    normalise(text, code)
    is_backchannel(text, code)
    looks_finished(text, code)


@pytest.mark.parametrize("code", READ)
@given(data=st.data())
def test_plain_prose_is_left_alone(code: str, data: st.DataObject) -> None:
    text = " ".join(data.draw(st.lists(st.sampled_from(PROSE[code].split()), max_size=20)))
    assert language(code).read(text) == text


@pytest.mark.parametrize(
    ("code", "said"), [(code, said) for code, name in READ.items() for _, said in reading_cases(name)]
)
def test_what_is_read_once_is_not_read_again(code: str, said: str) -> None:
    assert speakable(said, code) == said


@pytest.mark.parametrize("code", READ)
@given(text=st.lists(st.sampled_from(PIECES.replace("\xa0", " ").split()), max_size=12).map(" ".join))
def test_reading_twice_is_reading_once(code: str, text: str) -> None:
    once = language(code).read(text)
    assert language(code).read(once) == once


@pytest.mark.parametrize("code", READ)
@given(number=st.integers(0, 10**9), other=st.integers(0, 10**9))
def test_different_numbers_sound_different(code: str, number: int, other: int) -> None:
    said = language(code).read(f"x {number}.")
    assert (language(code).read(f"x {other}.") == said) == (number == other)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("de", "neunhundertneunundneunzig Billionen einundzwanzig Milliarden drei Millionen viertausendfünf"),
        ("es", "novecientos noventa y nueve billones veintiún mil tres millones cuatro mil cinco"),
        ("fr", "neuf cent quatre-vingt-dix-neuf billions vingt-et-un milliards trois millions quatre mille cinq"),
    ],
)
def test_the_largest_numbers_have_words_and_larger_ones_digits(code: str, said: str) -> None:
    read = language(code).read
    assert read("999021003004005") == said
    assert read("9990210030040051").split() == [read(digit) for digit in "9990210030040051"]


@pytest.mark.parametrize("code", READ)
@pytest.mark.exhaustive(quick=2_000, full=10_000)
@pytest.mark.parametrize("piece", HOSTILE)
def test_long_hostile_text_ends(piece: str, code: str, size: int) -> None:
    text = (piece * size)[:size] + "x"
    speakable(text, code)
    normalise(text, code)
    segmenter = Segmenter(language=code)
    assert "".join(segmenter.push(text) + segmenter.flush()) == text
