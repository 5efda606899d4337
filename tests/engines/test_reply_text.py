from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.llm.reply_text import LONGEST_LOOP, ReplyText, is_loop


def shown(pieces: list[bytes], *, thinking: bool = False) -> list[str]:
    text = ReplyText(thinking=thinking)
    return [*(text.feed(piece) for piece in pieces), text.finish()]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]


def test_half_a_character_waits_for_its_other_half() -> None:
    parrot = "🦜".encode()
    assert shown([b"A ", parrot[:1], parrot[1:3], parrot[3:] + b"!"]) == ["A ", "", "", "🦜!", ""]


def test_bytes_that_are_no_characters_are_left_out() -> None:
    assert "".join(shown([b"a\xff", b"\xf0\x9f", b"b", b"\xf0"])) == "ab"


@given(st.text(alphabet="a<>é🦜 thinkTHINK/"), st.lists(st.integers(0, 200)))
def test_text_without_tags_comes_whole_however_it_is_cut(text: str, at: list[int]) -> None:
    if "<think>" not in text and "</think>" not in text:
        assert "".join(shown(cut(text.encode(), at))) == text.lstrip()


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", " b", "<", "think", "🦜"])), st.lists(st.integers(0, 200)))
def test_thoughts_are_never_shown_however_they_are_cut(parts: list[str], at: list[int]) -> None:
    text = "".join(parts)
    whole = "".join(shown([text.encode()]))
    assert "".join(shown(cut(text.encode(), at))) == whole
    assert "<think>" not in whole or "<<" in text
    assert "</think>" not in whole or "<<" in text


def test_a_thought_is_dropped_with_the_blank_lines_behind_it() -> None:
    assert "".join(shown([b"<th", b"ink>Hm", b"m</thi", b"nk>\n\nYes."])) == "Yes."


def test_a_thought_that_the_prompt_opened_is_dropped() -> None:
    assert "".join(shown([b"Hmm", b"</think> Yes."], thinking=True)) == "Yes."


def test_a_thought_that_never_ends_leaves_nothing() -> None:
    assert "".join(shown([b"<think>", b"Hmm", b" </thin"])) == ""


def test_a_stray_end_of_a_thought_is_left_out() -> None:
    assert "".join(shown([b"Well</think>, yes"])) == "Well, yes"


def test_what_only_looked_like_a_tag_comes_at_the_end() -> None:
    assert shown([b"a < b <thi"]) == ["a < b ", "<thi"]


def test_the_raw_text_keeps_everything() -> None:
    text = ReplyText()
    for piece in (b"<think>", b"Hm</think>", " é".encode()):
        text.feed(piece)
    assert text.raw == "<think>Hm</think> é"


@pytest.mark.parametrize("period", [1, 2, 3, 5, 17, LONGEST_LOOP])
def test_a_phrase_that_comes_again_and_again_is_a_loop(period: int) -> None:
    phrase = list(range(period))
    told = list(range(100, 120))
    assert is_loop(told + phrase * max(4, -(-13 // period)))
    assert not is_loop(told + phrase * 3)
    assert not is_loop((phrase * 20 + told)[-period - 30 :])


def test_counting_to_a_hundred_is_no_loop() -> None:
    assert not is_loop([token for number in range(100) for token in (1000 + number, 5)])
    assert not is_loop([7] * 12)
    assert not is_loop([])


def until(stops: tuple[str, ...], pieces: list[bytes]) -> tuple[str, bool]:
    text = ReplyText(stops=stops)
    said = "".join(text.feed(piece) for piece in pieces if not text.stopped) + text.finish()
    return said, text.stopped


def test_the_text_ends_before_a_stop_string_however_it_is_cut() -> None:
    for at in range(12):
        assert until(("User:", "\n\n"), cut(b"Well.User: hi", [at])) == ("Well.", True)
    assert until(("User:",), [b"Well. Use", b"d."]) == ("Well. Used.", False)
    assert until(("User:",), [b"Well. Use"]) == ("Well. Use", False)


def test_a_stop_string_in_a_thought_stops_nothing() -> None:
    assert until(("User:",), [b"<think>User: hi</think>", b"Hello."]) == ("Hello.", False)


@given(st.lists(st.sampled_from(["stop", "s", "to", "<think>", "</think>", "a"])), st.lists(st.integers(0, 60)))
def test_nothing_after_a_stop_string_is_ever_shown(parts: list[str], at: list[int]) -> None:
    data = "".join(parts).encode()
    assert until(("stop",), cut(data, at)) == until(("stop",), [data])
    assert "stop" not in until(("stop",), [data])[0]
