"""What holds of every reading: no digit, scheme or sign is left, and nothing is invented."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import normalise, speakable
from voiceagent.text.digits import ascii_digits
from voiceagent.text.english.number_words import cardinal
from voiceagent.text.latex import plain_formulas

DIGITS = "0123456789٠٣٩०५１９௧"
NUMERALS = st.text("0123456789.,:/-–~+ $€£%°#()'", min_size=1, max_size=24)
OTHER_DIGITS = st.text(DIGITS, min_size=1, max_size=12)
CONTEXTS = [
    "{}",
    "it is {} now",
    "your code is {}.",
    "call {} today",
    "May {}, and",
    "room {}",
    "a {} run",
    "{} km",
    "${}",
    "{} p.m.",
    "x^{}",
    r"\frac{{}}{2}",
    "$x_{}$",
    "v{}",
]
WORDS = "the cat sat on a warm mat and slept while we all went out to see what was there"
PLAIN = st.lists(
    st.sampled_from(WORDS.split()),
    min_size=1,
    max_size=20,
)


@given(st.sampled_from(CONTEXTS), NUMERALS | OTHER_DIGITS | NUMERALS.map(lambda text: text + " " + text))
def test_no_digit_of_any_script_is_left(context: str, number: str) -> None:
    said = speakable(context.replace("{}", number))
    assert not any(unicodedata.category(character) == "Nd" for character in said), said


@given(
    st.lists(
        st.sampled_from(
            ["http://", "https://", "ftp://", "file:///", "mailto:", "www.", "a.b", "x@y.org", "/p", "?q=1", " ", "see"]
        ),
        max_size=8,
    ).map("".join)
)
def test_no_scheme_is_left(text: str) -> None:
    assert not re.search(r"https?:|ftp:|://|mailto:", speakable(text))


@given(st.text(r"\{}^_$()[]*`#~|<>abx12+-= ", max_size=60))
def test_no_sign_of_markup_is_left(text: str) -> None:
    assert not re.search(r"[\\{}^_$*`#~|<>=]", speakable(text))


@given(PLAIN, st.sampled_from(".!?"))
def test_plain_words_are_said_as_they_are_and_no_others(words: list[str], mark: str) -> None:
    text = " ".join(words) + mark
    assert speakable(text) == text


@given(st.integers(0, 10**12))
def test_a_number_in_words_is_read_as_it_is(number: int) -> None:
    said = speakable(f"{number:,} of them")
    assert said == f"{cardinal(number)} of them" or 1000 < number < 10_000
    assert speakable(said) == said


def test_what_is_written_and_what_is_said_are_the_same_words() -> None:
    assert normalise("Call (212) 555-0147 on 5/12/2024") == normalise(
        "call two one two five five five zero one four seven on May twelfth twenty twenty-four"
    )


@pytest.mark.parametrize(
    ("written", "ascii"),
    [
        ("٣ and ５", "3 and 5"),
        ("x⁴", "x^4"),
        ("10⁻³", "10^-3"),
        ("x²", "x²"),
        ("H₂O", "H2O"),
        ("①", "1"),
        ("字a½", "字a½"),
    ],
)
def test_digits_of_every_script(written: str, ascii: str) -> None:
    assert ascii_digits(written) == ascii


@pytest.mark.parametrize(
    ("formula", "plain"),
    [
        ("$5 and $10", "$5 and $10"),
        ("US$5 = A$7", "US$5 = A$7"),
        ("$PATH or $HOME", "$PATH or $HOME"),
        ("pay $5/hour, or 6$.", "pay $5/hour, or 6$."),
        ("$n$", "n"),
        (r"\[a well-known word\]", r"\[a well-known word\]"),
        (r"\[a - b\]", "a − b"),
        ("`${a}/${b}`", "`${a}/${b}`"),
        (r"\(a \le b\)", "a ≤ b"),
        (r"$\frac{x^{2}+1}{y}$", "(x^2 + 1) ÷ y"),
        (r"$\frac12 \cdot \sqrt[3]{8}$", "1/2 × ∛ 8"),
        (r"$\sum_{i=1}^{n} x_i$", "∑_(i = 1 → n) x i"),
        (r"$x^{10}y$", "x^10 y"),
        (r"C:\times\new", r"C:\times\new"),
        (r"3 \times 4 and \foo", r"3 × 4 and \foo"),
        (r"100\% \text{of} it", "100% of it"),
    ],
)
def test_formulas_become_signs(formula: str, plain: str) -> None:
    assert " ".join(plain_formulas(formula).split()) == plain
