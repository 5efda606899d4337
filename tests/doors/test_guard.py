"""What a client's connections may cost, with clients that take no rule for granted."""

import asyncio
from types import SimpleNamespace

import pytest
from attacker import CONTINUATION, PING, STRANGER, TEXT, Attacker, frame
from loopback import open_server

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access import body, gate, guard, protocols
from voiceagent.doors.access.guard import Guard

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_connection_beyond_the_most_is_refused_and_of_one_address_alone_where_others_have_room():
    here = Guard(ServerSettings(connections=12, connections_per_address=10))
    assert [here.enter("203.0.113.5") for _ in range(11)] == [None] * 10 + [429]
    assert [here.enter("203.0.113.6") for _ in range(3)] == [None, None, 503]
    here.leave("203.0.113.5")
    assert here.enter("203.0.113.5") is None
    assert here.open == 12


def test_a_proxy_has_as_many_connections_as_there_are_and_a_budget_for_each():
    here = Guard(ServerSettings(proxies=("10.0.0.0/8",), connections_per_address=1), clock=lambda: 0.0)
    for proxy in ("127.0.0.1", "::1", "10.1.2.3", ""):
        assert [here.enter(proxy) for _ in range(5)] == [None] * 5
        assert [here.budget(proxy)(guard.LOOP_BURST_S) for _ in range(2)] == [0.0, 0.0]
    charge = here.budget("203.0.113.5")
    assert charge(guard.LOOP_BURST_S) == 0.0
    assert here.budget("203.0.113.5")(0.01) == pytest.approx(0.01 / guard.LOOP_SHARE)


def test_what_an_address_sends_is_read_for_its_share_of_the_time():
    now = 100.0
    charge = Guard(ServerSettings(), clock=lambda: now).budget("203.0.113.5")
    assert charge(guard.LOOP_BURST_S) == 0.0
    assert charge(0.01) == pytest.approx(0.1)
    now += 0.1
    assert charge(0.0) == pytest.approx(0.0, abs=1e-9)


def test_connections_of_an_address_are_counted_until_they_end_also_as_websockets(doors):
    async def main():
        async with (
            open_server("server.connections_per_address=2") as house,
            Attacker(house.url) as first,
            Attacker(house.url) as second,
        ):
            assert b" 101 " in await first.upgrade(b"/echo")
            assert (await second.ask(GET))[0] == 200
            async with Attacker(house.url) as third:
                status, said = await third.ask(b"")
                assert (status, b"too_many_connections" in said) == (429, True)
                assert await third.closed()
            assert (await house.http.get("/health")).status_code == 200
            first.writer.close()
            assert await first.closed()
            async with Attacker(house.url) as again:
                assert (await again.ask(GET))[0] == 200

    asyncio.run(main())


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", GET + b"GET / "])
def test_a_request_that_never_comes_whole_is_given_up_and_one_that_did_is_answered(monkeypatch, begun):
    monkeypatch.setattr(protocols, "HEADERS_S", 0.02)

    async def main():
        async with open_server() as house, Attacker(house.url) as slow:
            slow.writer.write(begun)
            assert await slow.closed()
            assert (await house.http.get("/health")).status_code == 200

    asyncio.run(main())


def test_a_body_that_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(body, "GRACE_S", 0.02)

    async def main():
        async with open_server() as house, Attacker(house.url) as slow:
            begun = b"POST /page/offer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
            status, said = await slow.ask(begun)
            assert (status, b"too_slow" in said) == (408, True)

    asyncio.run(main())


FLOODS = {
    "pings": frame(PING) * 5000,
    "fragments": frame(TEXT, b"a", final=False) + frame(CONTINUATION, final=False) * 5000,
    "messages": frame(TEXT, b"a") * 5000,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_frames_is_read_piece_by_piece_and_others_are_served_in_between(doors, monkeypatch, kind):
    """Between two pieces the event loop does everything else that is due: as many turns as there are pieces."""
    monkeypatch.setattr(protocols, "thread_time", iter(range(10**9)).__next__)  # each piece is slow: none grows
    monkeypatch.setattr(guard, "LOOP_BURST_S", 1e9)
    monkeypatch.setattr(gate, "MESSAGES_AT_ONCE", 1e9)
    pieces = []
    read = protocols.WebSocketsSansIOProtocol.data_received

    def note(self, data):
        pieces.append((len(data), turns))
        read(self, data)

    monkeypatch.setattr(protocols.WebSocketsSansIOProtocol, "data_received", note)
    turns = 0

    async def main():
        nonlocal turns
        async with open_server() as house, Attacker(house.url) as flood:
            await flood.upgrade(b"/echo")
            pieces.clear()
            flood.writer.write(FLOODS[kind])
            async with asyncio.timeout(60):
                while sum(size for size, _ in pieces) < len(FLOODS[kind]):
                    turns += 1
                    await asyncio.sleep(0)

    asyncio.run(main())
    assert max(size for size, _ in pieces) <= protocols.SMALLEST_PIECE
    assert len({turn for _, turn in pieces}) > len(pieces) * 0.9


def test_a_client_over_its_budget_is_read_later_and_loses_nothing(doors, monkeypatch):
    monkeypatch.setattr(protocols, "thread_time", iter(range(10**9)).__next__)
    monkeypatch.setattr(guard, "LOOP_SHARE", 1000.0)
    monkeypatch.setattr(guard, "LOOP_BURST_S", 1.0)
    monkeypatch.setattr(gate, "MESSAGES_AT_ONCE", 1e9)

    async def main():
        async with open_server() as house, Attacker(house.url) as client:
            await client.upgrade(b"/echo")
            client.writer.write(b"".join(frame(TEXT, b"%06d" % number) for number in range(500)))
            said = b""
            async with asyncio.timeout(60):
                while said.count(b"\x81\x06") < 500:
                    said += await client.reader.read(1 << 16)
            numbers = [said.index(b"%06d" % number) for number in range(500)]
            assert numbers == sorted(numbers)

    asyncio.run(main())


def test_a_large_message_counts_as_several(doors, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(gate, "sleep", sleep)
    monkeypatch.setattr(gate, "MESSAGES_AT_ONCE", 100.0)
    monkeypatch.setattr(gate, "MESSAGES_PER_S", 0.001)

    async def main():
        async with open_server() as house, Attacker(house.url) as client:
            await client.upgrade(b"/echo")
            client.writer.write(frame(TEXT, b"a" * gate.MESSAGE_BYTES * 200))
            while not slept:  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0)

    asyncio.run(main())
    assert slept[0] == pytest.approx(101 / 0.001, rel=0.01)


def test_a_client_that_takes_nothing_is_cut_off():
    aborted = []

    class Base:
        def pause_writing(self):
            pass

        def resume_writing(self):
            pass

    class Stuck(protocols._Guarded, Base):
        def __init__(self):
            self.transport = SimpleNamespace(abort=lambda: aborted.append(True))
            self._stuck = None

        _is_sated = False

    timers = []

    def call_later(*timer):
        timers.append(timer)
        return SimpleNamespace(cancel=timers.clear)

    reader = Stuck()
    reader.loop = SimpleNamespace(call_later=call_later)
    reader.pause_writing()
    reader.resume_writing()
    assert timers == []
    reader.pause_writing()
    ((seconds, what),) = timers
    what()
    assert (seconds, aborted) == (protocols.STUCK_S, [True])


def test_a_stranger_is_no_proxy():
    assert Guard(ServerSettings(connections_per_address=1)).enter(STRANGER) is None


def test_large_messages_have_a_bound_in_all_and_small_ones_are_always_taken(monkeypatch):
    monkeypatch.setattr(guard, "MOST_HELD_BYTES", 100)
    monkeypatch.setattr(guard, "SMALL_BYTES", 10)
    here = Guard(ServerSettings())
    assert here.hold(0, 60)
    assert not here.hold(0, 60)
    assert here.hold(60, 0)
    assert here.hold(0, 40)
    assert here.hold(0, 10)
    assert not here.hold(10, 11)


def test_connections_that_each_begin_a_large_message_are_cut_off_and_what_they_held_is_free_again(doors, monkeypatch):
    monkeypatch.setattr(guard, "MOST_HELD_BYTES", 3 * 2**20)
    begun = frame(TEXT, b"a" * (4 * 2**20))[: 2 * 2**20]

    async def main():
        async with open_server() as house, Attacker(house.url) as first, Attacker(house.url) as second:
            for attacker in (first, second):
                await attacker.upgrade(b"/echo")
                attacker.writer.write(begun)
            assert await asyncio.wait_for(first_closed(first, second), 30)
            async with Attacker(house.url) as other:
                await other.upgrade(b"/echo")
                other.writer.write(frame(TEXT, b"a" * 2**19))
                async with asyncio.timeout(30):
                    await other.reader.readexactly(2**19)

    asyncio.run(main())


def test_what_came_of_a_message_is_free_at_once_when_the_connection_ends(doors, monkeypatch):
    ended = []
    lost = protocols.GuardedWebSocket.connection_lost

    def note(self, error):
        came = len(self.conn.reader.buffer)
        lost(self, error)
        ended.append((came, len(self.conn.reader.buffer)))

    monkeypatch.setattr(protocols.GuardedWebSocket, "connection_lost", note)

    async def main():
        async with open_server() as house:
            async with Attacker(house.url) as attacker:
                await attacker.upgrade(b"/echo")
                attacker.writer.write(frame(TEXT, b"a" * 2**20)[:-1])
                attacker.writer.close()
                assert await attacker.closed()
            async with asyncio.timeout(30):
                while not ended:  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0)

    asyncio.run(main())
    ((came, left),) = ended
    assert came > 2**18
    assert left == 0


async def first_closed(*attackers):
    """Wait until the server ends one of the connections."""
    waits = [asyncio.ensure_future(attacker.closed()) for attacker in attackers]
    done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    return len(done) == 1
