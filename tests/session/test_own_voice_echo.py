"""The agent's own voice, given back without echo cancellation, neither interrupts it nor becomes a turn (case V05)."""

from itertools import count

import pytest
from echoing import EchoingRoom, engines
from test_conversation import REAL, rehearse

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reports import AgentPaused, ResponseEnded, UserText, UserTurnEnded

TALE = "The sea is deep and cold. It is full of strange fish. Some of them shine in the dark. Nobody knows them all."
LEVELS, DELAYS = (-3, -14, -22), (0.04, 0.15, 0.3, 0.5)


def teller(text=TALE):
    return ScriptedLlm(lambda messages: text if "tell me" in messages[-1].content else "Very well.", **REAL)


def rehearse_in_room(scene, level_db, delay_s, *, mishear=lambda word: word, llm=None, greeting=""):
    async def in_room(talk):
        await scene(talk, EchoingRoom(talk, level_db, delay_s, mishear))

    rehearse(in_room, greeting=greeting, llm=llm or teller(), **engines())


def turns(talk):
    return [turn.text for turn in talk.of(UserTurnEnded)]


def outcomes(talk):
    return [end.outcome.value for end in talk.of(ResponseEnded)]


@pytest.mark.parametrize("level_db", LEVELS)
@pytest.mark.parametrize("delay_s", DELAYS)
def test_its_own_voice_neither_interrupts_nor_becomes_a_turn(level_db, delay_s):
    async def scene(talk, room):
        await room.passes(10.0)
        await room.passes(1.2, "please tell me more")
        await room.passes(16.0)
        assert turns(talk) == ["please tell me more"]
        assert outcomes(talk) == ["completed", "completed"]
        assert talk.heard == f"Good morning and welcome. What can I do for you today? {TALE}"
        shown = {text.text for text in talk.of(UserText)}
        assert all("please tell me more".startswith(text) for text in shown), shown
        assert len(talk.of(AgentPaused)) <= 2, "once the line is known, its sound does not even pause it"

    rehearse_in_room(scene, level_db, delay_s, greeting="Good morning and welcome. What can I do for you today?")


@pytest.mark.parametrize(  # at the same loudness, single words between the agent's count as misheard
    ("words", "level_db"),
    [
        (words, level)
        for words in ("wait no stop that", "no stop please")
        for level in LEVELS
        if len(words) > 14 or level < -3
    ],
)
@pytest.mark.parametrize("delay_s", DELAYS)
def test_the_person_s_own_words_over_it_still_interrupt(level_db, delay_s, words):
    async def scene(talk, room):
        await room.passes(1.2, "please tell me more")
        await room.passes(4.0)
        assert talk.ear.audible or talk.session.state.response
        await room.passes(1.2, words)
        await room.passes(6.0)
        assert outcomes(talk)[0] == "interrupted"
        assert turns(talk)[0] == "please tell me more"
        assert set(words.split()) <= set(turns(talk)[1].split())
        assert len(turns(talk)) == 2
        assert talk.heard.endswith("Very well.")

    rehearse_in_room(scene, level_db, delay_s)


@pytest.mark.parametrize("level_db", [-14, -22])
def test_a_voice_that_is_louder_than_the_echo_silences_the_agent_at_once(level_db):
    async def scene(talk, room):
        await room.passes(1.2, "please tell me more")
        await room.passes(4.0)
        talk.clear()
        begun = talk._loop.time()
        await room.passes(1.2, "wait no stop that")
        pauses = [one.at for one in talk.reports if isinstance(one.report, AgentPaused)]
        assert pauses
        assert pauses[0] - begun < 0.25

    rehearse_in_room(scene, level_db, 0.15)


@pytest.mark.parametrize("level_db", LEVELS)
@pytest.mark.parametrize("delay_s", DELAYS)
def test_it_is_known_again_where_every_third_word_is_misheard(level_db, delay_s):
    numbers = count(1)

    def mishear(word):
        return word if next(numbers) % 3 else {"is": "", "cold.": "cult", "fish.": "dish"}.get(word, "hm")

    async def scene(talk, room):
        await room.passes(1.2, "please tell me more")
        await room.passes(16.0)
        assert len(turns(talk)) == 1
        assert outcomes(talk) == ["completed"]

    rehearse_in_room(scene, level_db, delay_s, mishear=mishear)


@pytest.mark.parametrize("level_db", [-60, -14])
@pytest.mark.parametrize("after_s", [-0.2, 0.1, 0.3, 0.6, 1.0])
def test_an_answer_in_the_agent_s_own_words_is_an_answer(level_db, after_s):
    question = "We have a red one. Do you want that or rather the blue one?"

    async def scene(talk, room):
        await room.passes(1.2, "please tell me more")
        while not talk.ear.audible:
            await room.passes(0.02)
        while "one?" not in talk.heard:
            await room.passes(0.02)
        await room.passes(0.16 + after_s if after_s > 0 else 0.0)
        await room.passes(0.6, "blue one")
        await room.passes(5.0)
        assert turns(talk) == ["please tell me more", "blue one"]

    rehearse_in_room(scene, level_db, 0.15, llm=teller(question))
