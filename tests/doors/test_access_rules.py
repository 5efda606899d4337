"""Who may come in: the rules by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from voiceagent.app.serving import page_address
from voiceagent.app.settings import default_settings
from voiceagent.config.guard import is_loopback, require_guard
from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access import Access, Bucket, Rates
from voiceagent.doors.access.client_secrets import ClientSecrets
from voiceagent.doors.access.credentials import take_credentials, with_subprotocol
from voiceagent.doors.access.hosts import Hosts, authority
from voiceagent.doors.access.origins import UNKNOWN, Origins
from voiceagent.doors.access.rate import MOST_KEYS
from voiceagent.doors.errors import ForbiddenError, TooFastError, UnauthorizedError
from voiceagent.errors import VoiceAgentError

TOKEN = "a-token-of-the-tests"
OPEN_TO_ALL = ServerSettings(host="0.0.0.0", open=True)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def scope(kind="http", path="/", headers=(), query="", subprotocols=(), server=("127.0.0.1", 7860)):
    found = {"type": kind, "path": path, "query_string": query.encode(), "server": server, "client": ("10.0.0.9", 1)}
    found["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers]
    return found | ({"method": "GET"} if kind == "http" else {"subprotocols": list(subprotocols)})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:7860",
        "localhost.",
        "app.localhost",
        "127.0.0.1:80",
        "192.168.1.7",
        "[::1]:7860",
        "box.lan",
    ],
)
def test_loopback_addresses_and_the_machines_own_name_are_this_servers(host, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    assert authority(host)[0] in Hosts("127.0.0.1", ())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "box.evil.example",
        "evil@localhost",
        "",
        "a/b",
    ],
)
def test_a_name_that_anybody_may_own_is_not(host, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    assert authority(host)[0] not in Hosts("127.0.0.1", ())


def test_names_in_the_settings_are_added():
    hosts = Hosts("talk.example.org", ("voice.example.org", "*.example.net"))
    assert "talk.example.org" in hosts
    assert "voice.example.org" in hosts
    assert "a.example.net" in hosts
    assert "example.net" not in hosts
    assert "a.voice.example.org" not in hosts
    assert "anything" in Hosts("127.0.0.1", ("*",))


ORIGINS = Origins(Hosts("127.0.0.1", ("voice.example.org",)), ("https://app.example.org", "capacitor://localhost"))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:7860", "http://localhost:7860"),
        ("localhost:7860", "https://LOCALHOST:7860"),  # TLS ends at a proxy
        ("[::1]:7860", "http://[::1]:7860"),
        ("localhost", "http://localhost:80"),
        ("10.0.0.5:7860", "ws://10.0.0.5:7860"),
        ("localhost:7860", "https://app.example.org"),
        ("localhost:7860", "capacitor://localhost"),
        ("127.0.0.1:7860", "https://voice.example.org"),  # a proxy puts its own target into Host
    ],
)
def test_a_page_of_this_server_or_an_allowed_one_may_call(host, origin):
    assert ORIGINS.foreign("POST", Headers({"host": host, "origin": origin})) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:7860", "https://evil.example"),
        ("localhost:7860", "ws://evil.example:7860"),
        ("localhost:7860", "http://localhost:3000"),
        ("localhost:7860", "http://localhost"),
        ("localhost:7860", "null"),
        ("localhost:7860", ""),
        ("localhost", "capacitor://localhost:80"),
        ("localhost:7860", "http://app.example.org"),
        ("127.0.0.1:7860", "https://voice.example.org:8443"),
        ("", "null"),
    ],
)
def test_any_other_page_may_not(host, origin):
    assert ORIGINS.foreign("POST", Headers({"host": host, "origin": origin})) == origin


@pytest.mark.parametrize(
    ("method", "site", "mode", "foreign"),
    [
        ("GET", "cross-site", "no-cors", UNKNOWN),
        ("GET", "same-site", "no-cors", UNKNOWN),
        ("POST", "cross-site", "navigate", UNKNOWN),
        ("GET", "cross-site", "navigate", None),
        ("GET", "same-origin", "cors", None),
        ("GET", "none", "navigate", None),
    ],
)
def test_without_an_origin_the_browser_says_whose_page_asks(method, site, mode, foreign):
    headers = Headers({"host": "localhost", "sec-fetch-site": site, "sec-fetch-mode": mode})
    assert ORIGINS.foreign(method, headers) == foreign


def test_every_place_for_a_token_is_read_and_none_is_left_for_logs_and_doors():
    asked = scope(
        "websocket", "/", [("Authorization", "bearer one")], "a=1&token=tw%6F&b=2", ["x", "voiceagent-token.3"]
    )
    assert take_credentials(asked) == ["one", "two", "3"]
    assert asked["query_string"] == b"a=1&b=2"
    assert asked["subprotocols"] == ["x"]
    openai = scope(
        "websocket", "/", subprotocols=["realtime", "openai-insecure-api-key.sk-4", "openai-beta.realtime-v1"]
    )
    assert take_credentials(openai) == ["sk-4"]
    assert openai["subprotocols"] == ["realtime", "openai-beta.realtime-v1"]
    assert take_credentials(scope("http", headers=[("Authorization", "Basic b25l")], query="x=token%3D1")) == []


def test_a_browser_that_gives_its_token_as_a_subprotocol_is_answered_with_one():
    accept = {"type": "websocket.accept"}
    assert with_subprotocol(accept, ["voiceagent-token.1", "voiceagent"])["subprotocol"] == "voiceagent"
    assert with_subprotocol(accept, ["voiceagent-token.1"])["subprotocol"] == "voiceagent-token.1"
    assert (
        with_subprotocol(accept | {"subprotocol": "realtime"}, ["voiceagent-token.1", "a"])["subprotocol"] == "realtime"
    )
    assert with_subprotocol(accept, ["chat"]) == accept


def test_a_client_secret_opens_where_it_may_until_it_expires():
    clock = Clock()
    access = Access(ServerSettings(token=TOKEN), clock)
    value, expires_at = access.mint(60, {"voice": "leo"})
    assert value.startswith("ek_")
    assert expires_at == clock.now + 60
    clock.now += 59
    for path in ("/v1/realtime", "/v1/realtime/calls", "/v1/realtime/calls/rtc_1/hangup"):
        asked = scope(path=path)
        access.check_token(asked, path, [value])
    for path in ("/v1/realtime/client_secrets", "/v1/realtimes", "/api/sessions"):
        with pytest.raises(UnauthorizedError, match="does not open"):
            access.check_token(scope(path=path), path, [value])
    clock.now += 1
    with pytest.raises(UnauthorizedError, match="wrong or has expired"):
        access.check_token(scope(), "/v1/realtime", [value])


def test_secrets_that_have_expired_make_room_for_others(monkeypatch):
    monkeypatch.setattr("voiceagent.doors.access.client_secrets.MOST", 3)
    clock = Clock()
    secrets = ClientSecrets(clock)
    short = [secrets.mint(10, None, ["/"])[0] for _ in range(2)]
    long, _ = secrets.mint(100, "kept", ["/"])
    with pytest.raises(TooFastError):
        secrets.mint(10, None, ["/"])
    clock.now += 10
    new, _ = secrets.mint(10, "new", ["/"])
    assert [secrets.find(value) for value in short] == [None, None]
    assert (secrets.find(long).attached, secrets.find(new).attached) == ("kept", "new")


def test_a_server_that_a_program_opens_to_others_without_a_token_lets_only_this_machine_in():
    access = Access(ServerSettings())
    access.check_token(scope(), "/", [])
    access.check_token(scope(server=("/run/socket", None)), "/", [])
    with pytest.raises(ForbiddenError, match="VOICEAGENT_TOKEN"):
        access.check_token(scope(server=("192.168.1.7", 7860)), "/", [])
    Access(OPEN_TO_ALL).check_token(scope(server=("192.168.1.7", 7860)), "/", [])


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"host": "0.0.0.0"}, "server.host is 0.0.0.0"),
        ({"host": "::"}, "server.host is ::"),
        ({"host": "192.168.1.7"}, "server.host is 192.168.1.7"),
        ({"hosts": ("voice.example.org",)}, "server.hosts names voice.example.org"),
    ],
)
def test_a_server_that_others_reach_needs_a_token_or_to_be_open_by_name(server, why, tmp_path):
    with pytest.raises(VoiceAgentError, match=why) as caught:
        require_guard(ServerSettings(**server))
    offered = str(caught.value).split("VOICEAGENT_TOKEN=")[1].split()[0]
    require_guard(ServerSettings(**server, token=offered))
    require_guard(ServerSettings(**server, open=True))
    (tmp_path / "token").write_text(offered + "\n")
    require_guard(ServerSettings(**server, token_file=tmp_path / "token"))


def test_a_server_of_this_machine_alone_needs_none():
    for host in ("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "localhost"):
        require_guard(ServerSettings(host=host))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "box", "localhost.evil.example", ""))


def test_a_door_with_a_listener_of_its_own_asks_for_the_same():
    closed, guarded, opened = Access(ServerSettings()), Access(ServerSettings(token=TOKEN)), Access(OPEN_TO_ALL)
    closed.require_guard("127.0.0.1", "wyoming", takes_token=False)
    guarded.require_guard("0.0.0.0", "services", takes_token=True)
    opened.require_guard("0.0.0.0", "wyoming", takes_token=False)
    for access, takes_token in ((closed, True), (closed, False), (guarded, False)):
        with pytest.raises(VoiceAgentError, match=r"The door wyoming would listen on 0\.0\.0\.0.*server\.open=true"):
            access.require_guard("0.0.0.0", "wyoming", takes_token=takes_token)
    assert guarded.is_token(TOKEN)
    assert not guarded.is_token(TOKEN + "x")
    assert not guarded.is_token("\udc80")
    assert not closed.is_token("")


@pytest.mark.parametrize("content", ["", "short", "two words that are long", b"\xff\xfe"])
def test_a_token_file_without_a_good_token_is_refused_without_being_told(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(VoiceAgentError, match=r"holds no good token") as caught:
        Access(ServerSettings(token_file=file))
    assert not content or str(content) not in str(caught.value)
    with pytest.raises(VoiceAgentError, match=r"cannot be read \(No such file"):
        Access(ServerSettings(token_file=tmp_path / "absent"))


def test_the_pages_address_has_https_where_it_is_set_and_the_token_at_a_terminal_alone(tmp_path, monkeypatch):
    assert page_address(ServerSettings(), "0.0.0.0", 7860) == "http://localhost:7860"
    for is_terminal, token in ((True, f"/?token={TOKEN}"), (False, "")):
        monkeypatch.setattr("sys.stdout.isatty", lambda is_terminal=is_terminal: is_terminal)
        assert page_address(ServerSettings(token=TOKEN), "10.0.0.5", 80) == f"http://10.0.0.5:80{token}"
    tls = ServerSettings(tls_cert=tmp_path / "c", tls_key=tmp_path / "k")
    assert page_address(tls, "fd00::1", 7860) == "https://[fd00::1]:7860"


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate():
    clock = Clock()
    bucket = Bucket(2.0, 3.0, clock)
    assert [bucket.wait_s() for _ in range(4)] == [0, 0, 0, 0.5]
    clock.now += 0.5
    assert [bucket.wait_s(), bucket.wait_s()] == [0, 0.5]
    clock.now += 60
    assert [bucket.wait_s(4), bucket.wait_s(3), bucket.wait_s()] == [0.5, 0, 0.5]


def test_who_is_slowed_waits_the_longer_the_further_ahead_it_is():
    clock = Clock()
    bucket = Bucket(2.0, 3.0, clock)
    assert [bucket.delay_s() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    clock.now += 1.5
    assert bucket.delay_s() == 0


def test_each_key_has_a_bucket_and_the_longest_unused_is_forgotten():
    clock = Clock()
    rates = Rates(1.0, 1.0, clock)
    assert [rates.wait_s("a"), rates.wait_s("b"), rates.wait_s("a")] == [0, 0, 1]
    for number in range(MOST_KEYS):
        rates.wait_s(f"other {number}")
    assert len(rates._buckets) == MOST_KEYS
    assert rates.wait_s("a") == 0


def test_a_token_is_not_in_what_is_printed_of_settings():
    assert TOKEN not in repr(default_settings(server=ServerSettings(token=TOKEN)))


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_makes_the_rules_raise_and_none_that_is_no_name_gets_in(host, origin):
    name, port = authority(host)
    assert not set(name) & set("/@?#")
    assert port is None or 0 <= port <= 65_535
    found = ORIGINS.foreign("POST", Headers(raw=[(b"host", host.encode()), (b"origin", origin.encode())]))
    assert found is None or found.encode("latin-1") == origin.encode()
