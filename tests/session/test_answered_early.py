"""A word on the last words of the agent's question is its answer; while the agent tells something it is ignored.

Whole conversations in virtual time (case V02 and its neighbours).
"""

import re
from dataclasses import replace

import numpy as np
import pytest
from test_conversation import REAL, rehearse

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reports import AgentResumed, UserText, UserTextWithdrawn, UserTurnEnded
from voiceagent.text import is_backchannel, normalise
from voiceagent.text.languages import language

QUESTION = "Shall I book the table for you now?"
TALE = "The sea is deep. It is full of fish. Some of them shine in the dark. Nobody knows them all."
WORDS = [
    *("Sure.", "Yeah.", "Yea.", "Yep.", "Yup.", "Okay.", "Right.", "Cool.", "Nice.", "Wow.", "Exactly."),
    *(
        "Great.",
        "Excellent.",
        "Amazing.",
        "Awesome.",
        "Brilliant.",
        "Fantastic.",
        "Perfect.",
        "Interesting.",
        "Indeed.",
    ),
    *("Absolutely.", "Really?"),
    *("Mm-hm.", "M-hm.", "Mhm.", "Hmm.", "Mmm.", "Uh-huh.", "Aha.", "Oh.", "Ah.", "Gotcha."),
]
SAID = [*WORDS, "Of course.", "All right.", "I see.", "Got it.", "Yes.", "No."]
WORD_S = 0.3
"""A word of the scripted voice."""


async def ask(talk, begins_s):
    """Have the agent asked something, and listen until so long before its last sample."""
    await talk.says("please tell me about it", wait=0.0)
    while not talk.ear.audible:
        await talk.listens(0.02)
    await talk.listens(begins_s)


def replies(text):
    return ScriptedLlm(lambda messages: text if "tell me" in messages[-1].content else "Very well.", **REAL)


def test_the_list_is_of_all_signs_of_attention():
    assert all(is_backchannel(word) for word in SAID if word not in ("Yes.", "No."))
    listed = re.findall(r"(?<=[|:(])[a-z ]{2,}(?=[|)])", language("en").backchannels.pattern)
    assert len(listed) > 12
    assert set(listed) <= {normalise(word) for word in SAID}


def times(count):
    """So many moments from the question's last words to a second after it, in seconds before its end."""
    return np.linspace(0.8, -1.0, count)


@pytest.mark.exhaustive(quick=(10, 2), full=(37, 5))
@pytest.mark.parametrize("words", [SAID[n::5] for n in range(5)], ids=["one", "two", "three", "four", "five"])
def test_a_word_on_the_last_words_of_a_question_is_its_answer(size, words):
    """The first word at every moment, the others at a few."""
    first, *others = words

    async def scene(talk):
        moments = [(at, first) for at in times(size[0])] + [(at, word) for at in times(size[1]) for word in others]
        for before_s, word in moments:
            talk.clear()
            await ask(talk, len(QUESTION.split()) * WORD_S - before_s)
            await talk._say(word, None)
            assert [turn.text for turn in talk.of(UserTurnEnded)][-1] == word, word
            assert not talk.of(UserTextWithdrawn)
            assert not talk.of(AgentResumed)
            assert talk.heard.endswith("Very well.")

    rehearse(scene, llm=replies(QUESTION))


@pytest.mark.parametrize("into_s", [0.4, 1.5, 3.0, 4.5])
def test_a_sign_of_attention_while_the_agent_tells_something_is_ignored_and_seen_to_be(into_s):
    async def scene(talk):
        for number, word in enumerate(WORDS[::4]):
            talk.clear()
            await ask(talk, into_s + 0.1 * number)
            await talk._say(word, None)
            assert [turn.text for turn in talk.of(UserTurnEnded)] == ["please tell me about it"]
            assert [aside.text for aside in talk.of(UserTextWithdrawn)] == [word]
            assert talk.heard.endswith(TALE)

    rehearse(scene, llm=replies(TALE))


@pytest.mark.parametrize("before_s", [0.5, 0.2])
def test_it_is_ignored_on_the_last_words_of_what_is_no_question(before_s):
    async def scene(talk):
        await ask(talk, len(TALE.split()) * WORD_S + 3 * 0.25 - before_s)
        await talk._say("Right.", None)
        assert [aside.text for aside in talk.of(UserTextWithdrawn)] == ["Right."]
        assert talk.heard.endswith("them all.")

    rehearse(scene, llm=replies(TALE))


def test_a_sign_of_attention_to_a_long_question_s_beginning_is_ignored_and_the_question_goes_on():
    question = "Would you like to sit in the garden under the old trees or rather inside by the fire?"

    async def scene(talk):
        await ask(talk, 1.2)
        await talk._say("Okay.", None)
        assert [aside.text for aside in talk.of(UserTextWithdrawn)] == ["Okay."]
        assert talk.heard.endswith("by the fire?")

    rehearse(scene, llm=replies(question))


def test_a_sign_of_attention_waits_for_the_question_s_end_where_speech_does_not_interrupt():
    async def scene(talk):
        rules = replace(talk.session.config.rules, interruptible=False)
        talk.session.configure(replace(talk.session.config, rules=rules))
        await ask(talk, len(QUESTION.split()) * WORD_S - 0.5)
        await talk._say("Sure.", None)
        assert [turn.text for turn in talk.of(UserTurnEnded)][-1] == "Sure."
        assert talk.heard == f"{QUESTION} Very well."

    rehearse(scene, llm=replies(QUESTION))


def test_what_is_typed_over_spoken_words_sets_them_aside():
    async def scene(talk):
        await talk._say("please tell me", 0.0)
        await talk.types("never mind")
        assert [aside.text for aside in talk.of(UserTextWithdrawn)] == [talk.of(UserText)[-2].text] == ["please tell"]
        assert [turn.text for turn in talk.of(UserTurnEnded)] == ["never mind"]

    rehearse(scene, llm=replies(TALE))
