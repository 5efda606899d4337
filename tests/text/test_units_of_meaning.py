"""However a reply arrives, its segments are said as the whole reply is: no cut parts a unit of meaning."""

import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import Segmenter, speakable
from voiceagent.text.languages import language
from voiceagent.text.partings import parts_well
from voiceagent.text.segments import MAX_CHARACTERS

UNITS = Path(__file__).parent.joinpath("cases", "units_of_meaning.txt").read_text(encoding="utf-8").splitlines()
SENTENCES = [
    "{} is fine, I think.",
    "We know {} well.",
    "Well: {}!",
    "Let us say {} on the way to the next stop and then go.",
    "I would like to tell you about {} because it is what you asked for, and then some more.",
    "It is all there in the book that you gave me last week, {}, so take it.",
    "One two {} three {} four.",
    "And so, after a long while, they came to {}. Then they left.",
    "My friends always told me that {} was good but I never really believed it at the time.",
    "So {}, {} and {} are what there is to see here today.",
    "We know **{}** well, and we have known it for a long time.",
    'He said "{}" and left the room at once without a word more.',
    "All of it ({}) is fine and good for everybody who was there.",
    "It was {} or {}; nobody knows; {} may be it, {} or {} too.",
    "Do you want {}? I do. Say {}! Now.",
    "The rest, *{}*, and `{}` too, and so on for ever and ever.",
    "{}",
]
TOKENS = re.compile(r" ?[A-Za-z]+|\s*\d|\s+|[^\w\s]")
"""Words with the blank before them, single digits, single marks: as many models write."""

THOROUGH = pytest.mark.thorough
"""The property below takes any feed."""


def segments_of(parts: list[str]) -> list[str]:
    segmenter = Segmenter()
    return [segment for part in parts for segment in segmenter.push(part)] + segmenter.flush()


def said(text: str) -> list[str]:
    return re.findall(r"\w+", speakable(text).lower())


def said_in_pieces(parts: list[str]) -> list[str]:
    return [word for segment in segments_of(parts) for word in said(segment)]


def cut_at(text: str, places: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([0, *sorted(places), len(text)])]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize(
    "feed", [pytest.param("characters", marks=THOROUGH), "tokens", pytest.param("chunks", marks=THOROUGH)]
)
def test_every_unit_in_every_sentence_is_said_as_a_whole(sentence: str, feed: str) -> None:
    rng = random.Random(feed + sentence)
    for unit in UNITS:
        text = sentence.replace("{}", unit)
        chunks = cut_at(text, rng.sample(range(len(text)), min(6, len(text))))
        parts = {"characters": list(text), "tokens": TOKENS.findall(text), "chunks": chunks}[feed]
        assert said_in_pieces(parts) == said(text), segments_of(parts)


@given(st.data())
def test_units_in_any_order_and_of_any_feed_are_said_as_a_whole(data: st.DataObject) -> None:
    sentence = data.draw(st.sampled_from(SENTENCES))
    text = re.sub(r"\{\}", lambda _: data.draw(st.sampled_from(UNITS)), sentence)
    parts = cut_at(text, data.draw(st.lists(st.integers(0, len(text)), max_size=60)))
    assert said_in_pieces(parts) == said(text), segments_of(parts)


@given(st.lists(st.sampled_from(UNITS), min_size=1, max_size=3), st.integers(200, MAX_CHARACTERS))
def test_a_later_sentence_too_long_for_one_segment_is_parted_beside_them(units: list[str], before: int) -> None:
    filler = ("the river runs on and on past every town " * 12)[:before].rpartition(" ")[0]
    text = f"We go! Then {filler} {' so they said '.join(units)} {filler} home."
    assert said_in_pieces(TOKENS.findall(text)) == said(text), segments_of(TOKENS.findall(text))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Visit www.example.com. Then call.", "Visit www.example.com."),
        ("The file is main.py. Run it.", "The file is main.py."),
        ("She lives on Elm Dr. It is quiet there.", "She lives on Elm Dr."),
        ("We read A. A. Milne. Then we slept.", "We read A. A. Milne."),
        ("Is it https://a.org/b?c=d? Yes.", "Is it https://a.org/b?c=d?"),
    ],
)
def test_the_first_sentence_is_whole(text: str, first: str) -> None:
    assert segments_of(TOKENS.findall(text))[0] == first


@pytest.mark.parametrize(
    "text", ["The temp. is 20 deg. outside and the avg. is five.", "Call tel. 555-0147, ext. 12, please."]
)
def test_an_abbreviation_before_a_small_letter_ends_no_sentence(text: str) -> None:
    segmenter = Segmenter()
    segmenter.push("Off we go! ")
    assert [*(segment for token in TOKENS.findall(text) for segment in segmenter.push(token)), *segmenter.flush()] == [
        f" {text}"
    ]


@pytest.mark.parametrize(
    "parted",
    [
        "at 9| a.m. on", "it is $5 -| $10 now", "a $1.4 billion| loan", "your code is| 276983 now", "flight| BA 117",
        "on Monday -| Friday", "on Elm| Dr. near", "in May| 5, 2023", "World War| II was", "see Dr.| Smith now",
        r"so \(a +| b\)", "order| number 4471982", "Henry| VIII was", "it is 3| km off", "add x| + y now",
    ],
)  # fmt: skip
def test_a_place_inside_a_unit_is_refused(parted: str) -> None:
    left, right = parted.split("|")
    assert not parts_well(left + right, len(left), language("en"))


@pytest.mark.parametrize(
    "parted", ["we went home| and slept", "in 1066,| at noon", "the lid very slowly| and then", "I think so -| but no"]
)
def test_a_place_between_plain_words_will_do(parted: str) -> None:
    left, right = parted.split("|")
    assert parts_well(left + right, len(left), language("en"))


def test_a_first_sentence_of_nothing_but_numbers_is_still_cut() -> None:
    first, *rest = segments_of([f" {number}" for number in range(100, 200)])
    assert 20 <= len(first.split()) <= 60
    assert rest
