"""STUN and TURN: a real coturn, clients that may only relay, passwords that expire, servers that do not answer."""

import asyncio
import socket

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint
from aiortc import RTCIceServer, RTCIceTransportPolicy
from foreign_caller import ForeignCaller
from loopback import open_server
from turn_server import SECRET, coturn

from voiceagent.config.network import TurnServer
from voiceagent.doors.webrtc import ice_servers as ice_servers_module
from voiceagent.doors.webrtc.ice_servers import IceServers, minted

HUSH = "server.ice_servers=[{urls: 'turn:turn.test', username: me, credential: hush}, {urls: 'stun:stun.test'}]"


@pytest.fixture
def turn(tmp_path):
    with coturn(tmp_path) as url:
        yield url


def settings_of(url, *others):
    return (f"server.turn={{urls: '{url}', secret: '{SECRET}'}}", *others)


async def servers_of(house):
    return (await house.http.get("/page/config")).json()["ice_servers"]


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - packets have no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_caller_who_may_only_relay_is_heard_and_hears(turn, transport):
    async def main():
        async with open_server(*settings_of(f"{turn}?transport={transport}")) as house:
            (server,) = await servers_of(house)
            ice = [RTCIceServer(**server)]
            async with ForeignCaller(house.url, ice=ice, policy=RTCIceTransportPolicy.RELAY) as caller:
                await until(lambda: len(caller.heard) > 20)
                pair = caller.pair()
                assert pair.local_candidate.type == "relay"
                (session,) = await house.sessions()
                assert session["receive"]["received"] > 5
                assert "typ relay" in caller.answer, "the agent relays, too"

    asyncio.run(main())


def allocate(url, username, password):
    async def main():
        host, port = url.removeprefix("turn:").split(":")
        transport, _ = await create_turn_endpoint(asyncio.DatagramProtocol, (host, int(port)), username, password)
        transport.close()
        await transport._TurnTransport__close_task

    asyncio.run(main())


def test_a_password_lets_in_until_it_expires(turn):
    server = TurnServer(urls=(turn,), secret=SECRET, lifetime_s=60)
    now = ice_servers_module.time.time()
    allocate(turn, *minted(server, "somebody", now))
    for username, password in (
        minted(server, "somebody", now - 120),
        minted(server.model_copy(update={"secret": "another"}), "somebody", now),
        (f"{int(now) + 900}:somebody", minted(server, "somebody", now)[1]),
    ):
        with pytest.raises(TransactionFailed) as refused:
            allocate(turn, username, password)
        assert refused.value.response.error_code == 401


def test_what_clients_are_told_is_theirs_alone_and_never_the_secret():
    async def main():
        async with open_server(HUSH, *settings_of("turn:turn.test")) as house:
            stun, first = await servers_of(house)
            assert stun == {"urls": ["stun:stun.test"]}
            assert first["urls"] == ["turn:turn.test"]
            (_, second) = await servers_of(house)
            assert first["username"] != second["username"]
            assert first["credential"] != second["credential"]
            text = (await house.http.get("/page/config")).text
            assert SECRET not in text
            assert "hush" not in text
        async with open_server(HUSH.replace("hush", "hush, for_clients: true")) as house:
            shared, _ = await servers_of(house)
            assert shared == {"urls": ["turn:turn.test"], "username": "me", "credential": "hush"}

    asyncio.run(main())


def test_a_password_is_made_as_coturn_documents_it():
    turn = TurnServer(urls=("turn:turn.test",), secret="north", lifetime_s=600)
    # printf 1000600:mary | openssl dgst -sha1 -hmac north -binary | base64
    assert minted(turn, "mary", 1_000_000.7) == ("1000600:mary", "DYcrUMpnaGWmcx+bh+dlqaV90IE=")


class MuteServer(asyncio.DatagramProtocol):
    def __init__(self):
        self.asked = 0

    def datagram_received(self, data, address):
        self.asked += 1


@pytest.mark.parametrize("kind", ["stun", "turn"])
def test_a_server_that_does_not_answer_is_not_waited_for_by_every_call(kind, monkeypatch):
    async def main():
        loop = asyncio.get_running_loop()
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener.bind(("0.0.0.0", 0))
        transport, mute = await loop.create_datagram_endpoint(MuteServer, sock=listener)
        url = f"{kind}:127.0.0.1:{listener.getsockname()[1]}"
        noted = []
        useless = IceServers.note_useless

        def note(self, server, why):
            noted.append((server.url, why))
            useless(self, server, why)

        monkeypatch.setattr(IceServers, "note_useless", note)
        server = f"server.ice_servers=[{{urls: '{url}', username: u, credential: p}}]"
        async with open_server(server) as house:
            async with ForeignCaller(house.url):
                pass
            asked = mute.asked
            assert asked > 0
            assert set(noted) == {(url, "does not answer")}
            first = len(noted)
            async with ForeignCaller(house.url):
                pass
            assert mute.asked - asked <= 1, "but for one more that was under way"
            assert len(noted) == first
        transport.close()

    asyncio.run(main())


def test_a_silent_server_is_asked_again_after_its_rest(monkeypatch):
    monkeypatch.setattr(ice_servers_module, "REST_S", 0.0)

    async def main():
        from voiceagent.config.settings import ServerSettings

        servers = IceServers(ServerSettings.model_validate({"ice_servers": [{"urls": "stun:stun.test"}]}))
        (one,) = servers.for_agent()
        servers.note_useless(one, "does not answer")
        assert servers.for_agent() == [one]
        monkeypatch.setattr(ice_servers_module, "REST_S", 30.0)
        servers.note_useless(one, "does not answer")
        assert servers.for_agent() == []

    asyncio.run(main())


def test_a_turn_server_that_refuses_is_named_in_the_log_once(turn, caplog):
    async def main():
        async with open_server(f"server.turn={{urls: '{turn}', secret: another}}") as house:
            for _ in range(2):
                async with ForeignCaller(house.url) as caller:
                    assert "typ host" in caller.answer
                    assert "typ relay" not in caller.answer

    asyncio.run(main())
    (said,) = [record for record in caplog.records if "TURN server is of no use" in record.message]
    assert said.server == turn
    assert "401" in said.reason
