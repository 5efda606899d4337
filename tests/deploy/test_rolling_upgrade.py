"""Two servers behind nginx are replaced, one after the other, while people talk: nobody's conversation breaks."""

import asyncio

import pytest
from moving_caller import MovingCaller
from nginx_front import NAMES, NGINX, front, until_ready

from voiceagent.text.english.number_words import cardinal

pytestmark = [pytest.mark.realtime, pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: nginx-light)")]

CALLERS = ("Anna", "Bert", "Carla", "Dora")


async def upgrade(served):
    """Replace each server by a new process, which is there before the next one goes."""
    for name in NAMES:
        served.tell_to_stop(name)
        assert await asyncio.to_thread(served.ended, name) == 0
        served.start(name)
        await asyncio.to_thread(until_ready, served.direct[name])


async def converse(caller, name, upgraded):
    """Ask until all servers are other ones, and a few times at least; return questions and answers.

    Questions are so short that no two answers begin with the same six words: such a reply is made again.
    """
    talk = []
    while not upgraded.done() or len(talk) < 3:
        question = f"{cardinal(len(talk) + 1)}, {name}?".capitalize()
        talk.append((question, await caller.ask(question)))
    return talk


def test_two_servers_are_upgraded_one_after_the_other_and_every_question_is_answered_in_its_conversation(tmp_path):
    async def main(served):
        callers = [MovingCaller(served.url) for _ in CALLERS]
        for caller in callers:
            await caller.open()
        assert {caller.server for caller in callers} == set(NAMES)
        upgraded = asyncio.create_task(upgrade(served))
        talks = await asyncio.gather(
            *(converse(each, name, upgraded) for name, each in zip(CALLERS, callers, strict=True))
        )
        await upgraded
        for caller, talk in zip(callers, talks, strict=True):
            assert caller.moves
            assert all(caller.moves)
            said = [
                f"You said: {question} That was turn {cardinal(number)}."
                for number, (question, _) in enumerate(talk, 1)
            ]
            assert [answer for _, answer in talk] == said
        for caller in callers:
            await caller.close()

    with front(tmp_path, "session.greeting='Hello.'", f"session.store={tmp_path}/calls.sqlite") as served:
        asyncio.run(main(served))
