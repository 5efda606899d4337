"""A server that is to end: newcomers are sent elsewhere, answers are heard out, and callers are told to come back."""

import asyncio

import pytest
from loopback import open_server

from voiceagent.doors.draining import drain
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import scripted_engines
from voiceagent.testing.webrtc.caller import Caller, RefusedError

STORY = "The fox came out of the forest, looked for her children, and found all of them asleep."


def scene(play):
    async def main():
        async with open_server(engines=scripted_engines(llm=ScriptedLlm(lambda messages: STORY))) as house:
            await play(house)

    asyncio.run(main())


async def being_told(caller):
    caller.send({"type": "text", "text": "tell me a story"})
    await caller.until(lambda: caller.last("agent.word"), 90, "the first word")


def test_an_answer_is_heard_out_and_nobody_else_is_let_in():
    async def play(house):
        async with Caller(house.url) as talking, Caller(house.url) as silent:
            await being_told(talking)
            draining = asyncio.create_task(drain(house.connections, 300))
            await silent.until(lambda: silent.last("bye"), 90, "a goodbye to who is not being answered")
            assert talking.last("bye") is None
            with pytest.raises(RefusedError, match="draining") as refusal:
                await Caller(house.url).__aenter__()
            assert refusal.value.status == 503
            assert refusal.value.retry_after_s == 2
            ready = await house.http.get("/ready")
            assert (ready.status_code, ready.json()["draining"]) == (503, True)
            assert (await house.http.get("/health")).status_code == 200
            bye = await talking.until(lambda: talking.last("bye"), 90, "a goodbye")
            assert bye.payload["reason"] == "restart"
            assert talking.last("agent.end").payload["outcome"] == "completed"
            await draining
            assert await house.sessions() == []

    scene(play)


def test_what_takes_too_long_is_cut_and_waits_for_its_caller():
    async def play(house):
        async with Caller(house.url) as talking:
            await being_told(talking)
            token = talking.last("session").payload["resume"]["token"]
            await drain(house.connections, 0)
            await talking.until(lambda: talking.last("bye"), 90, "a goodbye")
            assert talking.last("agent.end").payload["outcome"] == "interrupted"
        house.connections.draining = False
        async with Caller(house.url, resume={"token": token}) as again:
            await again.until(lambda: again.last("agent.end"), 90, "the rest")
            assert again.last("session").payload["resumed"]

    scene(play)
