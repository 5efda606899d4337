"""No text is bad input: whatever a model or a recogniser writes, the text room answers, in linear time."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import (
    Segmenter,
    breaks_off,
    ends_sentence,
    estimate_word_times,
    is_backchannel,
    looks_finished,
    normalise,
    speakable,
    word_error_rate,
    words,
)

SIGNS = "*_`#|~<>[](){}!?.,;:-–—'\"/\\$€%°^=+&@ \n\t\u200d\ufe0f😊0123456789apmxkIVX½字。"
SNIPPETS = st.sampled_from(
    [
        "**",
        "](",
        "http://",
        "www.",
        "a@b.c",
        "$1",
        "1/2",
        "5 km",
        "7 p.m.",
        "May 5",
        "Dr. ",
        "St. ",
        "No. 1",
        "IV",
        "1. ",
        "```",
        "</b>",
        "-5",
        "2-3",
        "US$",
        "\\frac{",
        "$x^2",
        "code is 1",
        "1:2",
        "::1",
        "٣",
        "XX",
    ]
)
TEXTS = st.text(max_size=120) | st.lists(st.sampled_from(SIGNS) | SNIPPETS, max_size=40).map("".join)


@given(TEXTS)
def test_any_text_is_answered(text: str) -> None:
    said = speakable(text)
    assert not re.search(r"[*#_~|`\n]|^\s|\s$|  ", said)
    assert not re.search(r"[0-9]", said)
    assert said == "" or any(character.isalnum() for character in said)
    speakable(text, "pt")
    normalise(text)
    is_backchannel(text)
    looks_finished(text)
    breaks_off(text)
    ends_sentence(text)
    estimate_word_times(words(text), 1.0)
    assert word_error_rate(text, text)[0] == 0


@given(st.lists(st.sampled_from(["the", "cat", "sat,", "and", "slept.", "why?", "oh!"]), max_size=20).map(" ".join))
def test_plain_prose_is_left_alone(text: str) -> None:
    assert speakable(text) == text


HOSTILE = [
    "[",
    "![",
    "*",
    "*a ",
    "`",
    "> ",
    "- ",
    "|",
    "<a ",
    "'",
    '"',
    ".",
    "...",
    ",",
    "1",
    "1,",
    "1.",
    "1-",
    "1/",
    "1 ",
    "$1",
    "a@",
    "a.",
    "http://a/",
    "p.m.",
    "St. ",
    "Xx I",
    " ",
    "\n",
    "a\n",
    "字",
    "😊",
    "\u200d",
    "--",
    "mm hm ",
    "uh huh ",
    "(",
    "\\(",
    "\\frac{",
    "\\sqrt ",
    "^{",
    "$x",
    "$x$",
    "∑_",
    "{",
    "020 ",
    "1 234 ",
    "1.234",
    "1,23,",
    "a:",
    "::",
    "1:",
    "code ",
    "code is ",
    "order number 1",
    "call 1 ",
    "room A",
    "Mon-",
    "May 5-",
    "5 May-",
    "XX ",
    "XX-",
    "5 km-",
    "5%-",
    "a $1 ",
    "US$",
    "A-",
    "800-A-",
    "2024-05-12 ",
    "Elm Dr. ",
    "²",
    "٣",
    "α",
]


@pytest.mark.exhaustive(quick=2_000, full=10_000)
@pytest.mark.parametrize("piece", HOSTILE)
def test_long_hostile_text_ends(piece: str, size: int) -> None:
    text = (piece * size)[:size] + "x"
    speakable(text)
    normalise(text)
    is_backchannel(text)
    looks_finished(text)
    estimate_word_times(words(text), 1.0)
    segmenter = Segmenter()
    assert "".join(segmenter.push(text) + segmenter.flush()) == text
