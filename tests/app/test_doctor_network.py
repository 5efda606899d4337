"""The doctor tries the way to callers: addresses, ports, STUN and TURN servers."""

import socket

import pytest
from turn_server import SECRET, coturn

from voiceagent.app.doctor.network import check_addresses, check_ice_servers
from voiceagent.app.settings import load_settings
from voiceagent.doors.webrtc import local_network, server_trial


def settings(*sets):
    return load_settings("scripted.yaml", sets, environ={}).settings


def findings(check, *sets):
    return [(finding.check, str(finding.verdict), finding.text) for finding in check(settings(*sets))]


@pytest.fixture(autouse=True)
def _two_addresses(monkeypatch):
    monkeypatch.setattr(local_network, "get_host_addresses", lambda use_ipv4, use_ipv6: ["192.0.2.2", "10.88.0.1"])


@pytest.mark.parametrize(
    ("sets", "verdict", "text"),
    [
        ([], "ok", "callers are offered 192.0.2.2, 10.88.0.1, on any UDP port"),
        (["server.addresses=[192.0.2.0/24]"], "ok", "callers are offered 192.0.2.2, on any UDP port"),
        (["server.addresses=[198.51.100.1]"], "problem", "this machine has none of server.addresses (198.51.100.1/32)"),
        (["server.public_address=203.0.113.7"], "ok", "callers are offered 203.0.113.7, on any UDP port"),
        (["server.udp_ports=[40000, 40009]"], "ok", "192.0.2.2, 10.88.0.1, on the UDP ports 40000 to 40009"),
        (["server.udp_ports=[40000, 40001]"], "warning", "on the UDP ports 40000 to 40001: room for 2 calls of 4"),
    ],
)
def test_what_callers_are_offered(sets, verdict, text):
    ((_, found, words),) = findings(check_addresses, *sets)
    assert found == verdict
    assert text in words


def test_nothing_is_said_of_servers_that_are_not_set():
    assert findings(check_ice_servers) == []


def test_a_turn_server_is_asked_for_a_relay_with_the_password_that_clients_get(tmp_path):
    with coturn(tmp_path) as url:
        (right,) = findings(check_ice_servers, f"server.turn={{urls: '{url}', secret: '{SECRET}'}}")
        assert right[:2] == ("turn", "ok")
        assert f"{url} relays from " in right[2]
        (wrong,) = check_ice_servers(settings(f"server.turn={{urls: '{url}', secret: another}}"))
        assert (wrong.check, str(wrong.verdict)) == ("turn", "problem")
        assert wrong.text == f"{url} refuses the user name and password"
        assert "static-auth-secret" in wrong.remedy
        standing = f"server.ice_servers=[{{urls: '{url}?transport=tcp', username: me, credential: hush}}]"
        (refused,) = check_ice_servers(settings(standing))
        assert "refuses the user name and password" in refused.text
        assert "username and credential" in refused.remedy
        assert "hush" not in refused.text + refused.remedy
        stun = url.replace("turn:", "stun:")
        ((kind, verdict, text),) = findings(check_ice_servers, f"server.ice_servers=[{{urls: '{stun}'}}]")
        assert (kind, verdict) == ("stun", "ok")
        assert text == f"{stun} sees this machine at 127.0.0.1, through a NAT"
        ((_, _, text),) = findings(
            check_ice_servers, f"server.ice_servers=[{{urls: '{stun}'}}]", "server.addresses=[127.0.0.1]"
        )
        assert text == f"{stun} sees this machine at 127.0.0.1, as callers do"


def test_a_server_that_is_not_there_is_told_with_the_reason(monkeypatch):
    monkeypatch.setattr(server_trial, "PATIENCE_S", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        sets = f"[{{urls: ['stun:127.0.0.1:{port}', 'turn:127.0.0.1:{port}'], username: u, credential: p}}]"
        said = [text for _, verdict, text in findings(check_ice_servers, f"server.ice_servers={sets}")]
    assert said == [f"{kind}:127.0.0.1:{port} does not answer within 0.2 s" for kind in ("stun", "turn")]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    sets = f"[{{urls: ['turn:127.0.0.1:{port}?transport=tcp', 'stun:voice.invalid'], username: u, credential: p}}]"
    told = findings(check_ice_servers, f"server.ice_servers={sets}")
    assert all(verdict == "problem" for _, verdict, _ in told)
    assert "cannot be reached (" in told[0][2]


def test_it_is_part_of_the_checkup():
    from voiceagent.app.doctor import checkup

    found, _ = checkup(settings("server.port=0", "server.public_address=203.0.113.7"))
    assert [finding.text for finding in found if finding.check == "addresses"] == [
        "callers are offered 203.0.113.7, on any UDP port"
    ]
