"""Two replicas behind Ray Serve with real WebRTC callers: who goes where, and what becomes of calls."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import websockets

from benchmarks.replicas_served import PYTHON, Replicas, replicated
from voiceagent.testing.webrtc.caller import Caller, RefusedError

pytestmark = [pytest.mark.clients, pytest.mark.skipif(not PYTHON.exists(), reason="needs Ray: make .venv-ray/ready")]

GIVE_UP_S = 120.0


GREETING = "Hello, I am here."


@pytest.fixture(scope="module")
def replicas(tmp_path_factory) -> Iterator[Replicas]:
    store = tmp_path_factory.mktemp("kept") / "calls.sqlite"
    settings = {"SERVER__MAX_SESSIONS": "1", "SESSION__GREETING": GREETING, "SESSION__STORE": str(store)}
    with replicated(2, **{f"VOICEAGENT_{name}": value for name, value in settings.items()}) as served:
        yield served


def replica_of(caller: Caller) -> str:
    return caller.pc_id.partition(".")[0]


async def until(condition) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while not condition():  # noqa: ASYNC110 - another process is looked at
            await asyncio.sleep(0.2)


@pytest.fixture(autouse=True)
def both(replicas) -> None:
    """Have two replicas, however the test before has ended."""

    def are_there() -> bool:
        return replicas.tell("replicas") == {"RUNNING": 2}

    if not are_there():
        replicas.tell("scale", 2)
        asyncio.run(until(are_there))


@asynccontextmanager
async def back(url: str, **whom) -> AsyncIterator[Caller]:
    """Be connected as soon as there is room, as the page does."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    caller = await stack.enter_async_context(Caller(url, **whom))
                    break
                except RefusedError:
                    await asyncio.sleep(0.2)
        yield caller


async def told(socket, kind: str) -> dict:
    """Return the next event of a kind."""
    async with asyncio.timeout(GIVE_UP_S):
        while (event := json.loads(await socket.recv()))["type"] != kind:
            pass
    return event


async def trickled(url: str, caller: Caller, replica: str) -> int:
    body = {"pc_id": caller.pc_id, "candidates": []}
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.patch(f"{url}/page/offer", json=body, headers={"X-Session-Id": replica})).status_code


def test_a_caller_is_refused_only_where_every_replica_is_full_and_is_found_again_by_its_name(replicas):
    async def main():
        async with Caller(replicas.url) as anna, Caller(replicas.url) as bert:
            assert replica_of(anna) != replica_of(bert)
            with pytest.raises(RefusedError) as refusal:
                async with Caller(replicas.url):
                    pass
            assert (refusal.value.status, refusal.value.code) == (503, "server_full")
            assert refusal.value.retry_after_s
            for caller in (anna, bert):
                assert [await trickled(replicas.url, caller, replica_of(caller)) for _ in range(5)] == [200] * 5
            assert await trickled(replicas.url, anna, replica_of(bert)) == 404

    asyncio.run(main())


def test_a_caller_who_asks_for_a_replica_that_is_full_is_taken_to_the_other(replicas):
    async def main():
        async with Caller(replicas.url) as anna, Caller(replicas.url, replica=replica_of(anna)) as bert:
            assert replica_of(bert) != replica_of(anna)

    asyncio.run(main())


def test_a_replica_that_is_taken_away_waits_for_its_caller(replicas):
    async def main():
        async with Caller(replicas.url) as anna, Caller(replicas.url) as bert:
            for caller in (anna, bert):  # meanwhile a request is held open for each
                await caller.until(lambda caller=caller: caller.last("agent.end"), 30, "the end of the greeting")
            await asyncio.to_thread(replicas.tell, "scale", 1)
            await until(lambda: "STOPPING" in replicas.tell("replicas"))
            known = min(len(caller.heard.packets) for caller in (anna, bert))
            await until(lambda: min(len(caller.heard.packets) for caller in (anna, bert)) > known + 150)
            assert [caller.last("bye") for caller in (anna, bert)] == [None, None]
            assert replicas.tell("replicas") == {"RUNNING": 1, "STOPPING": 1}
        await until(lambda: replicas.tell("replicas") == {"RUNNING": 1})
        async with Caller(replicas.url):
            with pytest.raises(RefusedError, match="server_full"):  # there is no other one that could be asked
                async with Caller(replicas.url):
                    pass

    asyncio.run(main())


def test_replicas_come_and_go_with_their_callers(replicas):
    async def main():
        await asyncio.to_thread(replicas.tell, "scale", "1-2", "calls=0.5", "up_after_s=1", "down_after_s=1")
        await until(lambda: replicas.tell("replicas") == {"RUNNING": 1})
        async with Caller(replicas.url) as anna:
            await until(lambda: replicas.tell("replicas") == {"RUNNING": 2})  # her call is a request that stays open
            async with back(replicas.url) as bert:
                assert replica_of(bert) != replica_of(anna)
            assert anna.is_open
            assert anna.last("bye") is None
        await until(lambda: replicas.tell("replicas") == {"RUNNING": 1})

    asyncio.run(main())


def test_the_caller_of_a_replica_that_is_killed_goes_on_at_another_and_newcomers_do_not_wait_for_it(replicas):
    async def main():
        async with Caller(replicas.url) as anna, Caller(replicas.url) as bert:
            await anna.until(lambda: anna.last("agent.end"), 30, "the end of the greeting")
            began = anna.last("session").payload
            await asyncio.to_thread(replicas.tell, "kill", replica_of(anna))
            with pytest.raises(RefusedError, match="server_full"):
                async with Caller(replicas.url):
                    pass
            assert bert.is_open
            await bert.leave()
            claim = {"token": began["resume"]["token"]}
            async with back(replicas.url, replica=replica_of(anna), resume=claim) as again:
                assert replica_of(again) != replica_of(anna)
                now = again.last("session").payload
                assert (now["session"], now["resumed"]) == (began["session"], True)
                said = await again.until(lambda: again.last("history"), 30, "what was said")
                assert said.payload["items"] == [{"role": "assistant", "text": GREETING}]
        await until(lambda: replica_of(anna) not in replicas.tell("running"))
        await until(lambda: replicas.tell("replicas") == {"RUNNING": 2})

    asyncio.run(main())


def test_a_websocket_goes_to_the_replica_with_room_and_is_refused_where_none_has(replicas):
    door = replicas.url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime"

    async def main():
        async with Caller(replicas.url) as anna, websockets.connect(door, proxy=None) as robot:
            assert robot.response.headers["X-Session-Id"] != replica_of(anna)
            await told(robot, "session.created")
            content = [{"type": "input_text", "text": "Who are you?"}]
            item = {"type": "message", "role": "user", "content": content}
            await robot.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await robot.send(json.dumps({"type": "response.create"}))
            done = await told(robot, "response.done")
            assert done["response"]["status"] == "completed"
            with pytest.raises(websockets.InvalidStatus) as refusal:
                async with websockets.connect(door, proxy=None):
                    pass
            assert refusal.value.response.status_code == 503

    asyncio.run(main())
