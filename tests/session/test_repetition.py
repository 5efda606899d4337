"""An agent that begins to repeat itself is noticed before it is heard, and asked again in another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.llm.contract import Message
from voiceagent.session.repetition import Opening, Said, SaidBefore, is_repeated, without

TEA = "The best way to make a cup of green tea is to heat the water first."
CATS = "Cats like fish and meat, and now and then some grass."


def judged(earlier: tuple[str, ...], *parts: str) -> tuple[list[str], str]:
    """What of a reply in parts may be spoken, and what it repeats."""
    opening, passed = Opening(tuple(map(Said, earlier))), list[str]()
    for number, part in enumerate(parts, 1):
        passed += opening.judge([part], whole=number == len(parts))
        if opening.culprit:
            break
    return passed, opening.culprit


def test_a_reply_that_begins_like_an_earlier_one_is_held_and_named() -> None:
    assert judged((CATS, TEA), "The best way to make a cup", " of coffee is slow.") == ([], TEA)


def test_the_repeated_run_may_stand_later_in_the_earlier_reply() -> None:
    assert judged((f"I see. {TEA}",), "The best way to make a cup of green tea") == ([], f"I see. {TEA}")


def test_a_new_reply_passes_at_once() -> None:
    opening = Opening((Said(TEA), Said(CATS)))
    assert opening.judge(["Elephants are large."], whole=False) == ["Elephants are large."]
    assert not opening.culprit


def test_a_short_beginning_that_may_become_the_same_waits_for_more() -> None:
    opening = Opening((Said(TEA),))
    assert opening.judge(["The best way"], whole=False) == []
    assert not opening.culprit
    assert opening.judge([" is to walk."], whole=False) == ["The best way", " is to walk."]


def test_case_and_marks_hide_nothing() -> None:
    assert judged((TEA,), "the best way, to make: a cup")[1] == TEA


@pytest.mark.parametrize(("reply", "repeats"), [("Yes, please.", False), ("I do not know.", True)])
def test_a_short_answer_may_come_again_and_a_sentence_may_not(reply: str, repeats: bool) -> None:
    assert bool(judged((reply,), reply)[1]) is repeats


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=12).map(" ".join), st.data())
def test_what_passes_is_the_whole_reply_however_it_is_cut(reply: str, data: st.DataObject) -> None:
    words = reply.split(" ")
    cuts = data.draw(st.lists(st.integers(0, len(words)), max_size=4).map(sorted))
    ends = [*cuts, len(words)]
    parts = [" ".join(words[a:b]) + " " for a, b in zip([0, *ends], ends, strict=False)]
    passed, culprit = judged(("a b a b c d a b c d", "d c b a"), *parts)
    assert culprit or "".join(passed).split() == words


def test_a_reply_that_only_says_the_question_again_is_named_and_one_that_takes_it_up_is_not() -> None:
    opening = Opening((Said(TEA),), "To leave a message, please enter a number.")
    assert opening.judge(["To leave a message,"], whole=False) == []
    assert not opening.culprit
    assert opening.judge([" please enter a number."], whole=True) == []
    assert opening.culprit == "to leave a message please enter a number"
    answer = "The best way to learn Spanish is to talk."
    assert Opening((), "What is the best way to learn Spanish?").judge([answer], whole=True) == [answer]


def test_asked_the_same_again_or_to_repeat_it_the_agent_may() -> None:
    said = SaidBefore()
    said.note_user("How do I make tea?")
    said.note_agent(TEA)
    assert said.against("What do cats like?", "en") == (Said(TEA),)
    assert said.against("how do I make tea", "en") == ()
    assert said.against("Sorry, could you say that again?", "en") == ()


def test_the_turn_with_the_culprit_goes_and_the_question_stays() -> None:
    system, tea, cats = Message("system", "Be kind."), Message("user", "Tea?"), Message("user", "Cats?")
    asked = (system, tea, Message("assistant", TEA), cats, Message("assistant", CATS), Message("user", "Dogs?"))
    assert without(asked, TEA) == (system, cats, Message("assistant", CATS), Message("user", "Dogs?"))
    assert without(asked, "Never said before.") == asked
    assert without(asked, None) == (system, Message("user", "Dogs?"))


def test_a_sentence_heard_in_an_earlier_reply_is_known_again() -> None:
    closing = "Let me know if you need anything else."
    assert is_repeated(closing, (Said(f"{CATS} {closing}"),))
    assert not is_repeated(closing, (Said(CATS),))
    assert not is_repeated("Have fun.", (Said("Have fun."),))
