"""A conversation with a client that is sent audio ahead of time: what it has not played was not said."""

import asyncio
from contextlib import suppress

import numpy as np
from test_conversation import REAL, outcomes, rehearse

from voiceagent.audio.pacer import FRAME_S, LEAD_S, Pacer
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.events import Outcome
from voiceagent.session.reports import ResponseEnded, WordHeard

LONG = "The sea is deep and full of fish and some of them shine in the dark where nobody has ever been."
WORD_S = 0.3
"""Of the scripted voice."""


class Paced:
    """Plays a rehearsal through a pacer; the user's side goes on as ever."""

    def __init__(self, talk):
        self.talk = talk
        self.sent, self.cleared = 0, []
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(Pacer(talk.session, self._send, self._clear).run())

    async def _send(self, frame):
        self.sent += 1

    async def _clear(self):
        self.cleared.append(self._loop.time())

    async def hear(self, seconds, level=0.0):
        wave = level * np.sin(2 * np.pi * 150.0 * np.arange(round(SAMPLE_RATE * FRAME_S)) / SAMPLE_RATE)
        for _ in range(round(seconds / FRAME_S)):
            self.talk.session.hear(wave.astype(np.float32))
            await asyncio.sleep(FRAME_S)

    async def close(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def paced(scene, reply=LONG, **scripts):
    prompts = []

    def replied(messages):
        prompts.append(messages)
        return reply

    async def whole(talk):
        line = Paced(talk)
        await scene(talk, line, prompts)
        await line.close()

    rehearse(whole, llm=ScriptedLlm(replied, **REAL), **scripts)


def remembered(prompts):
    return [message.content for message in prompts[-1] if message.role == "assistant"]


def words_heard(talk):
    return len(talk.of(WordHeard))


def test_a_whole_turn_is_heard_and_its_floor_is_the_agents_until_the_last_word_is_played():
    async def scene(talk, line, prompts):
        await line.hear(2.0, 0.3)
        await line.hear(4.0)
        (end,) = talk.of(ResponseEnded)
        assert end.outcome is Outcome.COMPLETED
        assert end.heard_words == words_heard(talk) == 3
        first, *_, ended = (one.at for one in talk.reports if isinstance(one.report, WordHeard | ResponseEnded))
        assert ended - first >= 2.5 * WORD_S - 2 * FRAME_S
        assert not line.cleared

    paced(scene, "Three words here.")


def test_an_interruption_leaves_out_what_was_sent_and_not_played():
    async def scene(talk, line, prompts):
        talk.session.type("hello")
        await line.hear(2.5)
        known = words_heard(talk)
        assert line.sent * FRAME_S > known * WORD_S + LEAD_S - WORD_S
        await line.hear(1.5, 0.3)
        await line.hear(0.5)
        assert len(line.cleared) == 1, "it falls silent once, and nothing more is sent"
        (end,) = [end for end in talk.of(ResponseEnded) if end.outcome is Outcome.INTERRUPTED]
        assert known <= end.heard_words <= known + 1
        await line.hear(6.0)
        assert remembered(prompts) == [" ".join(LONG.split()[: end.heard_words])]

    paced(scene, asr=ScriptedAsr(["please wait a moment there"], **REAL))


def test_a_cough_makes_the_client_forget_and_then_the_rest_comes_again():
    async def scene(talk, line, prompts):
        talk.session.type("hello")
        await line.hear(2.0)
        await line.hear(0.15, 0.3)
        await line.hear(20.0)
        assert len(line.cleared) == 1
        assert outcomes(talk) == ["completed"]
        assert words_heard(talk) == len(LONG.split()), "each word once"

    paced(scene, asr=ScriptedAsr([""], **REAL))


def test_a_client_that_says_what_it_has_played_ends_the_response_there():
    async def scene(talk, line, prompts):
        talk.session.type("hello")
        await line.hear(3.0)
        talk.session.heard_until(1, 4 * WORD_S * 1000)
        await line.hear(0.2)
        (end,) = talk.of(ResponseEnded)
        assert (end.outcome, end.heard_words) == (Outcome.INTERRUPTED, 4)
        assert len(line.cleared) == 1
        talk.session.type("and now")
        await line.hear(1.0)
        assert remembered(prompts) == ["The sea is deep"]

    paced(scene)


def test_a_client_may_say_so_after_the_response_has_ended_even_after_the_user_went_on():
    async def scene(talk, line, prompts):
        talk.session.type("hello")
        await line.hear(3.0)
        talk.session.stop_speaking()
        await line.hear(0.2)
        talk.session.heard_until(1, 4 * WORD_S * 1000)
        talk.session.type("and now")
        await line.hear(3.0)
        assert remembered(prompts) == ["The sea is deep"]
        talk.session.stop_speaking()
        talk.session.heard_until(2, 2 * WORD_S * 1000)
        talk.session.heard_until(2, 3 * WORD_S * 1000)
        talk.session.heard_until(1, 0.0)
        talk.session.type("once more")
        await line.hear(1.0)
        assert remembered(prompts) == ["The sea is deep", "The sea is"], "the last word counts, and old ones stay"

    paced(scene)


def test_what_a_client_says_of_a_response_that_was_never_there_changes_nothing():
    async def scene(talk, line, prompts):
        talk.session.heard_until(7, 100.0)
        talk.session.type("hello")
        await line.hear(2.0)
        talk.session.heard_until(2, 100.0)
        await line.hear(1.0)
        assert not talk.of(ResponseEnded)

    paced(scene)
