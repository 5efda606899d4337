"""Two servers behind one address by a stock nginx, with the configuration that comes with voiceagent."""

import asyncio

import httpx
import pytest
from nginx_front import NGINX, front

from voiceagent.testing.webrtc.caller import Caller, RefusedError

pytestmark = [pytest.mark.realtime, pytest.mark.skipif(NGINX is None, reason="needs nginx (Debian: nginx-light)")]

QUIET = "session.greeting=''"


def server_of(caller: Caller) -> str:
    """Return the name of the server that a call is at: its id begins with it."""
    return caller.pc_id.partition(".")[0]


async def trickled(url: str, caller: Caller, **headers: str) -> int:
    """Send a candidate of a call through the proxy; return the status."""
    body = {"pc_id": caller.pc_id, "candidates": []}
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.patch(f"{url}/page/offer", json=body, headers=headers)).status_code


@pytest.mark.thorough
def test_a_caller_is_refused_only_where_every_server_is_full_and_finds_the_own_server_again(tmp_path):
    async def main(url):
        async with Caller(url) as anna, Caller(url) as bert:
            assert {server_of(anna), server_of(bert)} == {"one", "two"}, "a refusal is tried elsewhere"
            with pytest.raises(RefusedError) as refusal:
                async with Caller(url):
                    pass
            assert (refusal.value.status, refusal.value.code) == (503, "server_full")
            assert refusal.value.retry_after_s
            for caller, other in ((anna, bert), (bert, anna)):
                mine, theirs = server_of(caller), server_of(other)
                for _ in range(10):
                    assert await trickled(url, caller, **{"X-Session-Id": mine}) == 200
                    assert await trickled(url, caller, Cookie=f"voiceagent_replica={mine}") == 200
                assert await trickled(url, caller, **{"X-Session-Id": theirs}) == 404

    with front(tmp_path, QUIET, "server.max_sessions=1") as served:
        asyncio.run(main(served.url))


def test_of_a_server_that_is_taken_away_no_call_is_lost(tmp_path):
    async def main(served):
        async with Caller(served.url) as anna, Caller(served.url) as bert:
            assert server_of(anna) != server_of(bert)
            began = anna.last("session").payload
            served.tell_to_stop(server_of(anna))
            said = await anna.until(lambda: anna.last("bye"), 30, "the good-bye")
            assert said.payload["reason"] == "restart"
            async with Caller(served.url, resume={"token": began["resume"]["token"]}) as again:
                assert server_of(again) == server_of(bert)
                now = again.last("session").payload
                assert (now["session"], now["resumed"]) == (began["session"], True)
                assert bert.is_open
                assert bert.last("bye") is None
            assert served.ended(server_of(anna)) == 0

    with front(tmp_path, "session.greeting='Hello, I am here.'", f"session.store={tmp_path}/calls.sqlite") as served:
        asyncio.run(main(served))
