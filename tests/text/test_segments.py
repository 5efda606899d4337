import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.text import Segmenter, ends_sentence
from voiceagent.text.segments import LOOK_AHEAD, MAX_CHARACTERS


def tokens_of(text: str) -> list[str]:
    """Split as language models do: a word with the blank before it, or a run of marks."""
    return re.findall(r" ?\w+|\s+|[^\w\s]+", text)


def segments_of(deltas: Iterable[str], segmenter: Segmenter | None = None) -> list[str]:
    segmenter = segmenter or Segmenter()
    return [segment for delta in deltas for segment in segmenter.push(delta)] + segmenter.flush()


def started() -> Segmenter:
    """A segmenter that has handed out its first segment, so that the rules for later ones are in force."""
    segmenter = Segmenter()
    assert segmenter.push("Off we go! ") == ["Off we go!"]
    return segmenter


def sentences(text: str) -> list[str]:
    return [segment.strip() for segment in segments_of(tokens_of(text), started())]


@pytest.mark.parametrize(
    "text",
    [
        "One is here. | Two is there.",
        "Is it? | It is! | Good.",
        "Really?! | Yes, really!! | Fine.",
        "Dr. Smith met Mr. Jones vs. Prof. Lee. | They left.",
        "Fruit, e.g. apples, i.e. those, is good. | Eat it.",
        "Pies, tarts, etc. are sweet. | So are cakes, pies, etc. | They sell.",
        "She lives in the U.S. with her son. | He left the U.S. | He likes it there.",
        "It opens at 7 p.m. on Monday. | It closes at 9 p.m. | Then we go.",
        "Pi is 3.14 or so. | The answer is 4. | That is it.",
        "J. K. Rowling wrote it. | We took plan B. | It worked.",
        "Wait... there is more... Much more. | Right.",
        "Well… I think so. | Yes.",
        "Look at example.com or main.py. | Or at https://a.org/b?c=d. | Done.",
        'He said "Stop!" and left. | "Go." | She went. | (It rained.) | Fine.',
        "It is no. 5 of them. | I said no. | Then I left.",
        "1. Open the door. | 2. Close it.",
        "It was **very good.** | Then it ended.",
        "Nice 😊. | Great!|😊 Bye. | Ok.",
        "今日は天気がいいですね。|散歩に行きましょう！|「はい。」|と言った。",
        "यह अच्छा है। | हाँ।",
        "Kommst du mit? | Ja, gern. | Gut.",
        "Acme Inc. makes it. | So does Acme Ltd. | They compete.",
        "lower case it is. | you see? | ok.",
    ],
)
def test_later_segments_are_sentences(text: str) -> None:
    assert sentences(text.replace("|", "")) == [part.strip() for part in text.split("|")]


def test_lines_and_list_items_end_segments() -> None:
    text = "Here:\n\n- one\n- two words\n3. three\n\nThe end"
    assert sentences(text) == ["Here:", "- one", "- two words", "3. three", "The end"]
    assert sentences("He left the U.S.\nthen he slept") == ["He left the U.S.", "then he slept"]


def test_the_first_sentence_is_handed_out_before_the_next_token() -> None:
    assert Segmenter().push("It is a dog.") == ["It is a dog."]
    assert Segmenter().push("Good question!") == ["Good question!"]
    assert Segmenter().push("很好！") == ["很好！"]


@pytest.mark.parametrize(
    "text", ["He met Dr.", "It is 3.", "I saw J.", 'She said "no!', "So it is (ok.", "Well, um...", "In the U.S."]
)
def test_the_first_segment_waits_where_the_mark_may_be_something_else(text: str) -> None:
    assert Segmenter().push(text) == []


def test_a_single_word_is_too_short_to_be_the_first_segment() -> None:
    assert segments_of(tokens_of("Sure! I can do that. Now?")) == ["Sure! I can do that.", " Now?"]
    assert segments_of(["Yes."]) == ["Yes."]


def test_a_long_first_sentence_is_cut_at_a_clause_once_it_has_enough_tokens() -> None:
    text = "Well, when you come to think of it a little longer, there is no end to it."
    assert segments_of(tokens_of(text))[0] == "Well, when you come to think of it a little longer,"
    text = "The battle that we talked about was fought on October 14, 1066, at noon."
    assert segments_of(tokens_of(text))[0].endswith(" 1066,")
    text = "The way to do that is to open the lid very slowly and then to close it."
    assert segments_of(tokens_of(text))[0] == "The way to do that is to open the lid very slowly"
    assert segments_of(tokens_of(text), Segmenter(2, 50))[0] == text.partition(" and")[0]


def test_a_first_sentence_without_clauses_is_cut_at_a_word_at_the_limit() -> None:
    first, *rest = segments_of(f" word{index}" for index in range(40))
    assert 22 <= len(first.split()) <= 24
    assert not rest[0].startswith("word")
    assert segments_of(["abc"] * 30 + [" end"]) == ["abc" * 30, " end"]


def test_a_delta_of_many_tokens_is_measured_by_its_tokens() -> None:
    text = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve"
    assert Segmenter().push(text, tokens=24) == ["One, two, three, four, five, six,"]
    assert Segmenter().push("   ", tokens=30) == []


def test_an_endless_sentence_is_still_spoken() -> None:
    segments = segments_of((" word and" for _ in range(400)), started())
    assert all(MAX_CHARACTERS / 2 < len(segment) <= MAX_CHARACTERS for segment in segments[:-1])
    assert max(len(segment.strip()) for segment in segments_of(["x" * 5000], started())) == MAX_CHARACTERS
    assert max(map(len, segments_of(["x" * 5000]))) == MAX_CHARACTERS
    assert max(map(len, segments_of(["字" * 5000]))) == MAX_CHARACTERS - 1


def test_limits_must_make_sense() -> None:
    with pytest.raises(ValueError, match="first_min_tokens"):
        Segmenter(first_min_tokens=9, first_max_tokens=3)


PIECES = st.sampled_from(
    [
        *"aB1 .!?,;:-—…\"')(*\n。、字",
        "Dr.",
        " e.g.",
        "U.S.",
        " The",
        "no. ",
        "... ",
        " and ",
        "3.14",
        "1. ",
        "😊",
        " word" * 30,
    ]
)
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=300)


@st.composite
def deltas(draw: st.DrawFn) -> list[str]:
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=30)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(deltas(), st.lists(st.integers(0, 40), min_size=31, max_size=31))
def test_nothing_is_lost_however_the_text_arrives(parts: list[str], tokens: list[int]) -> None:
    segmenter = Segmenter()
    segments = [segment for part, count in zip(parts, tokens, strict=False) for segment in segmenter.push(part, count)]
    segments += segmenter.flush()
    text = "".join(parts)
    assert "".join(segments).rstrip() == text.rstrip()
    assert all(segment.strip() for segment in segments)
    assert all(len(segment.strip()) <= MAX_CHARACTERS + LOOK_AHEAD for segment in segments)


@given(deltas())
def test_later_segments_do_not_depend_on_how_the_text_arrives(parts: list[str]) -> None:
    assert segments_of(parts, started()) == segments_of(["".join(parts)], started())


@pytest.mark.parametrize(
    "segment", ["It is.", " Is it?", "Yes!\n", "Yes! ", '"Go."', "**Bold.**", "はい。", "(So.)", "- item\n", "the U.S."]
)
def test_a_pause_belongs_after_a_sentence_or_a_line(segment: str) -> None:
    assert ends_sentence(segment)


@pytest.mark.parametrize(
    "segment", ["", "\n", "well,", "and so", "Hm...", "Wait…", "the old Dr.", "at 3:", 'ok…"', "a -"]
)
def test_no_pause_belongs_in_mid_sentence(segment: str) -> None:
    assert not ends_sentence(segment)
