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
