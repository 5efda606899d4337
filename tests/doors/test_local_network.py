"""Which addresses and ports callers are offered."""

import asyncio
import socket

import pytest
from aioice.ice import StunProtocol
from foreign_caller import ForeignCaller
from loopback import open_server

from voiceagent.app.settings import load_settings
from voiceagent.config import ConfigError
from voiceagent.config.settings import ServerSettings
from voiceagent.doors.webrtc import local_network as module
from voiceagent.doors.webrtc.local_network import LocalNetwork

HERE = ["192.0.2.2", "10.88.0.1", "fd00::2"]


def network(**settings):
    return LocalNetwork(ServerSettings.model_validate(settings))


class Nobody:
    """Receives nothing."""

    def protocol_lost(self, protocol):
        pass


def offered_in(answer):
    """Return the host candidates of an answer, each once: address, port."""
    lines = [line.split() for line in answer.splitlines() if line.startswith("a=candidate")]
    return {(words[4], int(words[5])) for words in lines if words[7] == "host"}


@pytest.mark.parametrize(
    ("wanted", "addresses"),
    [
        ([], HERE),
        (["192.0.2.0/24"], ["192.0.2.2"]),
        (["fd00::2", "10.0.0.0/8"], ["10.88.0.1", "fd00::2"]),
        (["127.0.0.1"], ["127.0.0.1"]),
        (["192.0.2.7/24", "::1"], ["192.0.2.2", "::1"]),
        (["203.0.113.0/24"], []),
    ],
)
def test_callers_are_offered_the_wanted_addresses(monkeypatch, wanted, addresses):
    monkeypatch.setattr(module, "get_host_addresses", lambda use_ipv4, use_ipv6: [*HERE, HERE[0]])
    assert network(addresses=wanted).addresses() == addresses


def test_the_public_address_stands_for_those_of_its_kind():
    behind = network(public_address="203.0.113.7")
    assert [behind.offered(address) for address in HERE] == ["203.0.113.7", "203.0.113.7", "fd00::2"]
    assert network(public_address="2001:db8::7").offered("fd00::2") == "2001:db8::7"


def test_ports_are_taken_from_the_range_until_none_is_left():
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
            local = network(udp_ports=(first, min(65_535, first + 2)))
            opened = [await local.open("127.0.0.1", lambda: StunProtocol(Nobody())) for _ in range(2)]
            with pytest.raises(OSError, match="in use"):
                await local.open("127.0.0.1", lambda: StunProtocol(Nobody()))
        ports = {protocol.transport.get_extra_info("sockname")[1] for protocol in opened}
        assert ports == {first + 1, first + 2}
        for protocol in opened:
            protocol.transport.abort()
        await asyncio.sleep(0)

    asyncio.run(main())


def test_a_call_comes_up_on_a_port_of_the_range_and_the_next_is_told_that_none_is_free():
    async def main():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        narrow = (f"server.udp_ports=[{port}, {port}]", "server.addresses=[127.0.0.1]")
        async with open_server(*narrow) as house, ForeignCaller(house.url) as caller:
            assert offered_in(caller.answer) == {("127.0.0.1", port)}
            async with asyncio.timeout(30):
                while len(caller.heard) < 20:  # noqa: ASYNC110 - packets have no event
                    await asyncio.sleep(0.02)
            assert caller.pair().remote_addr == ("127.0.0.1", port)
            refused = await house.http.post(
                "/page/offer", json={"sdp": caller.pc.localDescription.sdp, "type": "offer"}
            )
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_address")
            assert "server.udp_ports" in refused.json()["error"]["message"]
            assert len(await house.sessions()) == 1

    asyncio.run(main())


def test_behind_a_translating_nat_the_answer_names_the_public_address():
    async def main():
        async with open_server("server.public_address=203.0.113.7") as house, ForeignCaller(house.url) as caller:
            addresses = {address for address, _ in offered_in(caller.answer)}
            assert "203.0.113.7" in addresses
            assert {address for address in addresses if ":" not in address} == {"203.0.113.7"}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("server.addresses=[eth0]", "server.addresses.0: should be an IP address, or a network"),
        ("server.public_address=voice.example.org", "server.public_address: should be an IP address"),
        ("server.udp_ports=[50000, 40000]", "server: needs udp_ports with the lower one first"),
        ("server.udp_ports=[0, 40000]", "server.udp_ports.0: "),
        ("server.udp_ports=40000", "server.udp_ports: "),
        ("server.turn={urls: 'stun:a', secret: x}", "server.turn.urls.0: should begin with turn: or turns:"),
        ("server.turn={urls: 'turn:a'}", "server.turn: needs urls and secret together, and secret is not set"),
        ("server.turn={secret: hush}", "server.turn: needs urls and secret together, and urls is not set"),
        ("server.ice_servers=[{urls: 'turn:a b'}]", "server.ice_servers.0.urls.0: should look like stun:"),
        ("server.ice_servers=[{urls: 'turn:a:99999'}]", "server.ice_servers.0.urls.0: should look like stun:"),
        ("server.ice_servers=[{urls: 'turn:a?transport=sctp'}]", "should look like stun:"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_right(setting, complaint):
    with pytest.raises(ConfigError) as refused:
        load_settings("scripted.yaml", [setting], environ={})
    assert complaint in str(refused.value)
    assert "hush" not in str(refused.value)
