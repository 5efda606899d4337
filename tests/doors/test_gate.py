"""The gate before every route, with a whole server behind it and clients that knock wrongly."""

import asyncio
import json
import logging

import pytest
from loopback import open_server
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from voiceagent.config.settings import ServerSettings
from voiceagent.doors.access import Access, gate
from voiceagent.doors.uvicorn import server_config

TOKEN = "a-token-of-the-tests"
GUARDED = (f"server.token={TOKEN}",)
BEARER = {"authorization": f"Bearer {TOKEN}"}
ELSEWHERE = {"origin": "https://evil.example"}


def ask(method, path, *sets, **request):
    async def main():
        async with open_server(*sets) as house:
            return await house.http.request(method, path, **request)

    return asyncio.run(main())


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


OFFERS = [("POST", "/page/offer"), ("POST", "/api/offer")]
ROUTES = [*OFFERS, ("PATCH", "/page/offer"), ("GET", "/page/config"), ("GET", "/"), ("GET", "/page/app.js")]
ROUTES += [("GET", "/api/sessions"), ("GET", "/api/lanes"), ("GET", "/metrics"), ("DELETE", "/nowhere")]


def test_a_name_that_a_page_made_lead_here_is_served_nothing():
    async def main():
        async with open_server() as house:
            for method, path in ROUTES:
                headers = {"host": "evil.example:7860", "origin": "http://evil.example:7860"}
                answer = await house.http.request(method, path, headers=headers)
                assert code(answer) == (403, "unknown_host"), path
            assert "--set 'server.hosts=[evil.example]'" in answer.json()["error"]["message"]

    asyncio.run(main())


def test_a_page_of_another_origin_is_refused_everywhere_also_where_browsers_ask_nobody_first():
    async def main():
        async with open_server() as house:
            for method, path in ROUTES:
                answer = await house.http.request(method, path, headers=ELSEWHERE)
                assert code(answer) == (403, "foreign_origin"), path
            for method, path in OFFERS:
                offer = {
                    "content": json.dumps({"type": "offer", "sdp": "v=0"}),
                    "headers": {"content-type": "text/plain"},
                }
                for origin in ("https://evil.example", "null", "http://localhost:1"):
                    offer["headers"]["origin"] = origin
                    answer = await house.http.request(method, path, **offer)
                    assert code(answer) == (403, "foreign_origin"), origin
                    advice = "ITS ORIGIN" if origin == "null" else origin
                    assert f"'server.allow_origins=[{advice}]'" in answer.json()["error"]["message"]
                    assert "access-control-allow-origin" not in answer.headers
            own = await house.http.post("/page/offer", json={}, headers={"origin": house.url})
            assert code(own) == (400, "bad_sdp")

    asyncio.run(main())


def test_an_image_of_another_site_is_not_served_and_a_link_is():
    image = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    assert code(ask("GET", "/api/sessions", headers=image)) == (403, "foreign_origin")
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    page = ask("GET", "/", headers=link)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].endswith("frame-ancestors 'self'")
    framed = ask("GET", "/", "server.allow_origins=['https://home.example']")
    assert framed.headers["content-security-policy"].endswith("frame-ancestors 'self' https://home.example")


def test_probes_are_answered_by_whatever_name_and_without_a_token():
    for path in ("/health", "/ready"):
        assert ask("GET", path, *GUARDED, headers={"host": "pod-7.svc"} | ELSEWHERE).status_code == 200
    assert code(ask("POST", "/health", *GUARDED)) == (401, "no_token")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT"])
def test_a_page_of_an_allowed_origin_may_ask_with_every_method_and_header(method):
    async def main():
        async with open_server(*GUARDED, "server.allow_origins=['https://app.example.org']") as house:
            headers = {
                "origin": "https://app.example.org",
                "access-control-request-method": method,
                "access-control-request-headers": "authorization, content-type, openai-beta, openai-organization",
                "access-control-request-private-network": "true",
            }
            asked = await house.http.options("/page/offer", headers=headers)
            assert asked.status_code == 200
            assert method in asked.headers["access-control-allow-methods"]
            assert "openai-beta" in asked.headers["access-control-allow-headers"]
            assert asked.headers["access-control-allow-private-network"] == "true"
            refused = await house.http.request(method, "/page/offer", headers={"origin": "https://app.example.org"})
            assert code(refused) == (401, "no_token")
            assert refused.headers["access-control-allow-origin"] == "https://app.example.org"
            headers["origin"] = "https://evil.example"
            assert (await house.http.options("/page/offer", headers=headers)).status_code == 400

    asyncio.run(main())


def test_only_who_knows_the_token_comes_in():
    async def main():
        async with open_server(*GUARDED) as house:
            for method, path in ROUTES:
                if (method, path) in (("GET", "/"), ("GET", "/page/app.js")):
                    assert (await house.http.get(path)).status_code == 200
                    continue
                answer = await house.http.request(method, path)
                assert code(answer) == (401, "no_token"), path
                assert answer.headers["www-authenticate"] == "Bearer"
                wrong = await house.http.request(method, path, headers={"authorization": "Bearer wrong"})
                assert code(wrong) == (401, "wrong_token"), path
                assert code(await house.http.request(method, f"{path}?token=wrong")) == (401, "wrong_token")
                for right in ({"headers": BEARER}, {"params": {"token": TOKEN}}):
                    assert (await house.http.request(method, path, **right)).status_code not in (401, 403), path

    asyncio.run(main())


def test_a_token_where_none_is_wanted_disturbs_nobody():
    assert ask("GET", "/api/sessions", headers={"authorization": "Bearer none"}).status_code == 200


async def refusal(url, **options):
    """Return the status and code with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, proxy=None, **options):
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body)["error"]["code"]


def test_a_websocket_is_refused_as_everything_else_is(doors, caplog):
    async def main():
        async with open_server(*GUARDED) as house:
            url = house.url.replace("http", "ws") + "/echo"
            assert await refusal(url, origin="https://evil.example", additional_headers=BEARER) == (
                403,
                "foreign_origin",
            )
            assert await refusal(url, origin="null", additional_headers=BEARER) == (403, "foreign_origin")
            rebound = {"host": "127.0.0.1", "port": int(house.url.rpartition(":")[2]), "additional_headers": BEARER}
            assert await refusal("ws://evil.example/echo", **rebound) == (403, "unknown_host")
            assert await refusal(url) == (401, "no_token")
            assert await refusal(url.replace("/echo", "/")) == (401, "no_token")
            assert await refusal(url, additional_headers={"authorization": "Bearer x"}) == (401, "wrong_token")
            assert await refusal(f"{url}?token=x") == (401, "wrong_token")
            for name in ("voiceagent-token.x", "openai-insecure-api-key.x"):
                assert await refusal(url, subprotocols=["realtime", name]) == (401, "wrong_token")

    asyncio.run(main())
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_websocket_comes_in_with_the_token_in_either_place(doors):
    async def main():
        async with open_server(*GUARDED) as house:
            url = house.url.replace("http", "ws") + "/echo"
            async with connect(url, additional_headers=BEARER, origin=house.url, proxy=None) as socket:
                assert json.loads(await socket.recv()) == {"query": "", "attached": None, "offered": []}
            async with connect(f"{url}?a=1&token={TOKEN}", proxy=None) as socket:
                assert json.loads(await socket.recv())["query"] == "a=1"
            for name in ("voiceagent-token", "openai-insecure-api-key"):
                async with connect(url, subprotocols=["realtime", f"{name}.{TOKEN}"], proxy=None) as socket:
                    assert socket.subprotocol == "realtime"
                    assert json.loads(await socket.recv())["offered"] == ["realtime"]
            async with connect(url, subprotocols=[f"voiceagent-token.{TOKEN}"], proxy=None) as socket:
                assert socket.subprotocol == f"voiceagent-token.{TOKEN}"

    asyncio.run(main())


def test_a_client_secret_opens_its_door_until_it_expires_and_brings_what_was_attached(doors, monkeypatch):
    async def main():
        async with open_server(*GUARDED) as house:
            access, url = doors[-1].context.access, house.url.replace("http", "ws")
            now = 1000.0
            monkeypatch.setattr(access._secrets, "_clock", lambda: now)
            value, _ = access.mint(60, {"voice": "leo"})
            key = [f"openai-insecure-api-key.{value}"]
            async with connect(f"{url}/v1/realtime", subprotocols=["realtime", *key], proxy=None) as socket:
                assert json.loads(await socket.recv())["attached"] == {"voice": "leo"}
            assert await refusal(f"{url}/echo", subprotocols=key) == (401, "wrong_token")
            now += 60
            assert await refusal(f"{url}/v1/realtime", subprotocols=key) == (401, "wrong_token")

    asyncio.run(main())


def test_a_client_that_sends_messages_too_fast_is_slowed_and_loses_none(doors, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(gate, "sleep", sleep)
    monkeypatch.setattr(gate, "MESSAGES_AT_ONCE", 20.0)
    monkeypatch.setattr(gate, "MESSAGES_PER_S", 0.001)

    async def main():
        async with open_server() as house, connect(house.url.replace("http", "ws") + "/echo", proxy=None) as socket:
            await socket.recv()
            for number in range(25):
                await socket.send(str(number))
            assert [await socket.recv() for _ in range(25)] == [str(number) for number in range(25)]

    asyncio.run(main())
    assert [round(seconds, -2) for seconds in slept if seconds > 100] == [1000, 2000, 3000, 4000, 5000]


def test_an_address_that_asks_too_often_waits_and_others_do_not():
    async def main():
        async with open_server("server.request_rate=0.5") as house:
            flood = {"x-forwarded-for": "203.0.113.5"}
            answers = [await house.http.get("/page/config", headers=flood) for _ in range(6)]
            assert [answer.status_code for answer in answers] == [200] * 5 + [429]
            assert code(answers[-1]) == (429, "too_many_requests")
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
            assert (await house.http.get("/health", headers=flood)).status_code == 200
            assert (await house.http.get("/page/config", headers={"x-forwarded-for": "203.0.113.6"})).status_code == 200

    asyncio.run(main())


def test_a_message_larger_than_the_largest_ends_its_connection_and_no_other(doors, monkeypatch):
    monkeypatch.setattr("voiceagent.doors.uvicorn.MAX_MESSAGE_BYTES", 1000)

    async def main():
        async with open_server() as house:
            url = house.url.replace("http", "ws") + "/echo"
            async with connect(url, proxy=None) as large, connect(url, proxy=None) as other:
                await large.recv()
                await other.recv()
                await large.send("x" * 1001)
                await large.wait_closed()
                assert large.close_code == 1009
                await other.send("x" * 1000)
                assert await other.recv() == "x" * 1000

    asyncio.run(main())


def test_the_log_names_a_refusal_without_the_token_and_not_without_end(doors, caplog):
    caplog.set_level(logging.INFO)

    async def main():
        async with open_server(*GUARDED) as house:
            await house.http.get("/api/sessions?token=wrong-but-secret")
            async with connect(f"{house.url.replace('http', 'ws')}/echo?token={TOKEN}", proxy=None):
                pass
            first = [record for record in caplog.records if record.message == "request refused"]
            assert [(record.reason, record.path) for record in first] == [("wrong_token", "/api/sessions")]
            for _ in range(100):
                await house.http.get("/api/sessions")

    asyncio.run(main())
    ours = [record for record in caplog.records if record.name.split(".")[0] in ("voiceagent", "uvicorn")]
    assert not any("secret" in record.getMessage() or TOKEN in record.getMessage() for record in ours)
    assert len([record for record in ours if record.message == "request refused"]) < 30


def test_a_websocket_is_closed_where_the_asgi_server_cannot_answer_it_with_words():
    sent = []

    async def main():
        async def send(message):
            sent.append(message)

        scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"evil.example")], "query_string": b""}
        await gate.Gate(None, Access(ServerSettings()))(scope, None, send)

    asyncio.run(main())
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "unknown_host"}]


def test_a_named_proxy_is_believed_besides_this_machine():
    config = server_config(None, ServerSettings(proxies=("10.0.0.2", "fd00::/8")))
    assert config.forwarded_allow_ips == ["127.0.0.1", "::1", "10.0.0.2", "fd00::/8"]
