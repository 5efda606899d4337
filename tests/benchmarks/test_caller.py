"""A caller over real WebRTC, to a server with scripted engines in another process."""

import asyncio
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.served import ServedError, serving
from voiceagent.testing.webrtc.caller import Caller, RefusedError
from voiceagent.testing.webrtc.line import CallerError

pytestmark = pytest.mark.realtime

VOICE = (0.3 * np.sin(2 * np.pi * 150 * np.arange(8_000) / 16_000)).astype(np.float32)


@pytest.fixture(scope="module")
def url():
    with serving("scripted.yaml", ["server.max_sessions=1"]) as address:
        yield address


def test_a_caller_hears_the_agent_and_is_heard(url):
    async def main():
        async with Caller(url) as caller:
            onset = await caller.until(lambda: caller.heard.onset(0.0), 90, "the greeting")
            caller.send({"type": "interrupt"})
            await caller.until(lambda: caller.last("agent.end"), 90, "an end of it")
            rest = await caller.until(lambda: caller.heard.rest(onset), 90, "silence")
            said = await caller.say(VOICE)
            await caller.until(lambda: caller.last("user.final"), 90, "a transcript")
            return caller, onset, rest, said, await caller.description()

    caller, onset, rest, said, described = asyncio.run(main())
    assert described["receive"]["lost"] == 0
    assert onset < rest <= said.start < said.end
    assert caller.heard.lost == caller.dropped == 0
    assert caller.sent > 50


def test_a_caller_that_is_busy_does_not_call_packets_late(url):
    async def main():
        async with Caller(url) as caller:
            await caller.until(lambda: caller.heard.packets or None, 90, "sound")
            await asyncio.sleep(0.1)
            before = len(caller.heard.packets)
            time.sleep(0.3)  # noqa: ASYNC251  (busy is what it is meant to be)
            await asyncio.sleep(0.1)
            return [packet.arrival for packet in caller.heard.packets[before:]]

    arrivals = asyncio.run(main())
    assert len(arrivals) > 15
    apart = [b - a for a, b in pairwise(arrivals)]
    assert max(apart) < 0.2, "read together after 0.3 s, each is dated by when it came"


def test_a_caller_loses_what_it_is_told_to_lose_the_same_in_every_call(url):
    async def main():
        async with Caller(url, loss=0.2, seed=7) as caller:
            caller.sent = caller.dropped = 0
            await caller.say(VOICE)
            return caller.sent, caller.dropped

    first, second = asyncio.run(main()), asyncio.run(main())
    assert first[1] > 0
    assert abs(first[0] - second[0]) <= 1
    assert abs(first[1] - second[1]) <= 1


def test_packets_that_are_overtaken_come_in_another_order_and_all_of_them():
    sent = []

    async def send(data):
        sent.append(data)

    async def main():
        caller = Caller("http://localhost", reorder=0.3, seed=7)
        transport = SimpleNamespace(_send_rtp=send)
        caller._lose(transport)
        packets = [bytes([0x80, 96, number, *bytes(9)]) for number in range(100)]
        for packet in packets:
            await transport._send_rtp(packet)
        await caller._close()
        return packets, caller.overtaken

    packets, overtaken = asyncio.run(main())
    assert sorted(sent) in (packets, packets[:-1]), "the last one may still be held"
    assert 10 < overtaken < 50
    assert sum(a > b for a, b in pairwise(sent)) >= overtaken - 1
    assert all(abs(packets.index(packet) - place) <= 1 for place, packet in enumerate(sent)), "by one place each"


def test_a_refused_caller_is_told_why(url):
    async def main():
        async with Caller(url), Caller(url):
            pass

    with pytest.raises(RefusedError, match=r"refused the call \(503\): .*places are taken") as refused:
        asyncio.run(main())
    assert (refused.value.status, refused.value.code) == (503, "server_full")
    assert refused.value.retry_after_s >= 5


def test_a_call_that_has_ended_is_not_described(url):
    async def main():
        async with Caller(url) as caller:
            caller.send({"type": "hangup"})
            await caller.until(lambda: caller.last("bye"), 90, "a good-bye")
            await caller.description()

    with pytest.raises(CallerError, match="has it ended"):
        asyncio.run(main())


@pytest.mark.thorough
def test_a_server_that_does_not_start_is_quoted():
    with pytest.raises(ServedError, match=r"did not become ready.*no-such.yaml"), serving("no-such.yaml"):
        pass
