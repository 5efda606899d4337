"""ICE restarts between two ends, without anything above them."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aioice import Candidate, Connection

from voiceagent.doors.webrtc.ice import MAX_CANDIDATES, RestartableIce

PATIENCE_S = 20


class End(RestartableIce):
    def __init__(self, *, controlling):
        super().__init__(lambda: Connection(ice_controlling=controlling, use_ipv6=False))
        self.ice_controlling = controlling


async def introduce(one, other):
    """Tell one connection's candidates to another, and its password."""
    for candidate in other.local_candidates:
        await one.add_remote_candidate(candidate)
    one.remote_username, one.remote_password = other.local_username, other.local_password


@asynccontextmanager
async def connected():
    caller, agent = End(controlling=True), End(controlling=False)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(caller.gather_candidates(), agent.gather_candidates())
            await introduce(caller, agent)
            await introduce(agent, caller)
            await asyncio.gather(caller.connect(), agent.connect())
            yield caller, agent
    finally:
        await asyncio.gather(caller.close(), agent.close())


async def restart(caller, agent):
    """Restart both ends as an offer and its answer do; return the caller's new connection."""
    upcoming = Connection(ice_controlling=True, use_ipv6=False)
    await upcoming.gather_candidates()
    await agent.restart(upcoming.local_username, upcoming.local_password)
    for candidate in upcoming.local_candidates:
        agent.add(candidate)
    await introduce(upcoming, agent)
    return upcoming


async def says(sender, receiver, data):
    await sender.send(data)
    assert await receiver.recv() == data


def test_packets_take_the_old_way_until_the_new_one_is_there_and_then_the_new():
    async def main():
        async with connected() as (caller, agent):
            await says(caller, agent, b"before")
            old = agent._current
            was = (agent.local_username, agent.local_password)
            waiting = asyncio.create_task(agent.recv())
            upcoming = await restart(caller, agent)
            assert (agent.local_username, agent.local_password) != was, "the answer tells the new ones"
            assert agent.local_candidates[0].port != old.local_candidates[0].port
            await caller.send(b"meanwhile")
            assert await waiting == b"meanwhile"
            await upcoming.connect()
            await asyncio.wait([agent._switching])
            assert agent._current is not old
            assert old._closed
            await upcoming.send(b"after")
            assert await agent.recv() == b"after"
            await agent.send(b"too")
            assert await upcoming.recv() == b"too"
            await upcoming.close()

    asyncio.run(main())


def test_who_waits_for_a_packet_when_the_way_changes_gets_the_next_one():
    async def main():
        async with connected() as (caller, agent):
            waiting = asyncio.create_task(agent.recv())
            ending = asyncio.create_task(agent.get_event())
            upcoming = await restart(caller, agent)
            await upcoming.connect()
            await upcoming.send(b"on the new way")
            assert await waiting == b"on the new way"
            assert not ending.done(), "the old connection's end is not the caller's"
            await upcoming.close()
            await agent.close()
            await ending

    asyncio.run(main())


def test_a_restart_outlives_the_connection_that_it_replaces():
    async def main():
        async with connected() as (caller, agent):
            waiting = asyncio.create_task(agent.recv())
            upcoming = await restart(caller, agent)
            await agent._current.close()  # as when consent has expired
            await agent.send(b"lost, and no error")
            await upcoming.connect()
            await upcoming.send(b"still there")
            assert await waiting == b"still there"
            await upcoming.close()

    asyncio.run(main())


def test_a_restart_that_nobody_follows_up_is_forgotten_at_the_next():
    async def main():
        async with connected() as (caller, agent):
            abandoned = await restart(caller, agent)
            first = agent._next
            upcoming = await restart(caller, agent)
            assert first._closed
            await says(caller, agent, b"on the old way")
            await upcoming.connect()
            await upcoming.send(b"on the new way")
            assert await agent.recv() == b"on the new way"
            await abandoned.close()
            await upcoming.close()

    asyncio.run(main())


def test_without_a_restart_the_end_of_the_connection_is_its_end():
    async def main():
        async with connected() as (_, agent):
            ending = asyncio.create_task(agent.get_event())
            waiting = asyncio.create_task(agent.recv())
            await asyncio.sleep(0)
            await agent._current.close()
            await ending
            with pytest.raises(ConnectionError):
                await waiting

    asyncio.run(main())


def test_a_caller_cannot_have_us_try_a_thousand_addresses():
    async def main():
        async with connected() as (_, agent):
            before = len(agent.remote_candidates)
            for port in range(1000, 1000 + 2 * MAX_CANDIDATES):
                agent.add(Candidate.from_sdp(f"1 1 udp 1 192.0.2.77 {port} typ host"))
            await asyncio.sleep(0)
            assert len(agent.remote_candidates) == before + MAX_CANDIDATES

    asyncio.run(main())
