"""Requests that only somebody with bad intentions sends: each is refused in words, and nothing has changed."""

import asyncio
import json

import pytest
from attacker import Attacker
from loopback import open_server

from voiceagent.doors.page.door import STATIC
from voiceagent.doors.webrtc import no_shows
from voiceagent.testing.webrtc.caller import Caller, RefusedError

HEAD = b"Host: localhost\r\n"
OUTSIDE = [
    b"/page/../door.py",
    b"/page/..%2fdoor.py",
    b"/page/%2e%2e/door.py",
    b"/page/%2e%2e%2f%2e%2e%2fdoor.py",
    b"/page/..%5cdoor.py",
    b"/page//etc/passwd",
    b"/page/%2fetc%2fpasswd",
    b"/page/static/..;/door.py",
    b"/page/app.js%00.html",
    b"/page/" + b"../" * 40 + b"etc/passwd",
    b"/page/" + b"a" * 5000,
]


def raw(*requests, sets=()):
    async def main():
        said = []
        async with open_server(*sets) as house:
            for request in requests:
                async with Attacker(house.url) as attacker:
                    said.append(await attacker.ask(request))
            assert (await house.http.get("/health")).status_code == 200
            assert await house.sessions() == []
        return said

    return asyncio.run(main())


def test_no_path_leads_out_of_the_page_s_folder():
    answers = raw(*(b"GET %s HTTP/1.1\r\n%s\r\n" % (path, HEAD) for path in OUTSIDE))
    for path, (status, said) in zip(OUTSIDE, answers, strict=True):
        assert status in (400, 404), path
        assert b"root:" not in said
        assert b"class PageDoor" not in said


SMUGGLED = b"GET /api/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLING = {
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED),
    "length with a sign": b"Content-Length: +0\r\n",
    "length and chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(SMUGGLED),
    "an encoding besides chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "a folded header": b"X: a\r\n Transfer-Encoding: chunked\r\n",
    "an empty name": b": chunked\r\n",
    "a null in a value": b"X: a\0b\r\n",
    "too many bytes": b"X: %s\r\n" % (b"a" * 40_000),
}


def test_a_request_that_two_servers_may_read_in_two_ways_is_answered_once_and_the_connection_ends():
    """Nothing that a proxy takes for a body is ever taken for a request."""

    async def main():
        async with open_server() as house:
            for kind, headers in SMUGGLING.items():
                request = b"POST /page/offer HTTP/1.1\r\n" + HEAD + headers + b"\r\n" + SMUGGLED
                async with Attacker(house.url) as attacker:
                    attacker.writer.write(request)
                    attacker.writer.write_eof()
                    said = b""
                    try:
                        async with asyncio.timeout(20):
                            said = await attacker.reader.read()
                    except ConnectionResetError:
                        pass
                    assert said.count(b"HTTP/1.1 ") <= 1, kind
                    assert b'"sessions"' not in said, kind
                    assert b"HTTP/1.1 2" not in said, kind

    asyncio.run(main())


def test_who_asks_is_believed_of_proxies_alone():
    """A stranger gains no budget of its own by inventing addresses."""
    forged = b"".join(
        b"GET /page/config HTTP/1.1\r\n%sX-Forwarded-For: 203.0.113.%d\r\n\r\n" % (HEAD, number) for number in range(8)
    )

    async def main():
        async with open_server("server.request_rate=0.5") as house, Attacker(house.url) as stranger:
            stranger.writer.write(forged)
            said = b""
            async with asyncio.timeout(20):
                while said.count(b"HTTP/1.1 ") < 8:
                    said += await stranger.reader.read(1 << 16)
            assert said.count(b"HTTP/1.1 200") == 5
            assert said.count(b"HTTP/1.1 429") == 3

    asyncio.run(main())


BOMBS = {
    "depth": "[" * 100_000,
    "depth of objects": '{"a":' * 40_000,
    "a number": '{"sdp": ' + "9" * 100_000 + "}",
    "half a character": '{"sdp": "\\ud800"}',
    "a wide character": json.dumps({"sdp": "\U0001f600" * 20_000, "type": "offer"}),
    "marks upon marks": json.dumps({"sdp": "e" + "\u0301" * 50_000, "type": "offer"}),
    "writing both ways": json.dumps({"sdp": "\u202e\u2066" * 10_000, "type": "offer"}),
    "nulls": '{"sdp": "' + "\\u0000" * 10_000 + '", "type": "offer"}',
    "gzip": b"\x1f\x8b\x08\x00".decode("latin-1"),
}


@pytest.mark.parametrize("path", ["/page/offer", "/api/offer", "/v1/realtime/client_secrets", "/v1/chat/completions"])
def test_a_bomb_of_json_or_unicode_is_refused_in_few_words(path):
    async def main():
        async with open_server() as house:
            for kind, text in BOMBS.items():
                headers = {"content-type": "application/json", "content-encoding": "gzip" if kind == "gzip" else ""}
                answer = await house.http.post(path, content=text.encode(), headers=headers)
                assert 400 <= answer.status_code < 500, kind
                assert len(answer.content) < 2000, kind
                assert answer.json(), kind
            assert await house.sessions() == []

    asyncio.run(main())


def test_the_page_loads_nothing_of_others_runs_no_script_within_it_and_sets_no_cookie():
    async def main():
        async with open_server() as house:
            for path in ("/", *(f"/page/{file.name}" for file in STATIC.iterdir()), "/page/config", "/nowhere"):
                answer = await house.http.get(path)
                assert "set-cookie" not in answer.headers
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert "server" not in answer.headers
            policy = (await house.http.get("/")).headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy

    asyncio.run(main())
    page = (STATIC / "index.html").read_text()
    assert "<script>" not in page
    assert "style=" not in page
    assert not any(f" on{event}=" in page for event in ("click", "load", "error", "change", "input", "submit"))


@pytest.fixture
def sdp():
    """What a caller offers who never comes."""

    async def main():
        class Silent(Caller):
            async def offer(self, sdp):
                offered.append(sdp)
                raise HeardEnoughError

        offered = []
        with pytest.raises(HeardEnoughError):
            async with Silent("http://127.0.0.1:1"):
                pass
        return offered[0]

    return asyncio.run(main())


class HeardEnoughError(Exception):
    pass


FAR = {"x-forwarded-for": "203.0.113.5"}


def test_one_address_may_have_two_calls_that_are_being_set_up_and_others_have_their_own(sdp):
    async def main():
        async with open_server() as house:
            offer = {"sdp": sdp, "type": "offer"}
            answers = [await house.http.post("/page/offer", json=offer, headers=FAR) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert answers[2].json()["error"]["code"] == "too_many_offers"
            assert answers[2].headers["retry-after"] == str(no_shows.RETRY_S)
            other = await house.http.post("/page/offer", json=offer, headers={"x-forwarded-for": "203.0.113.6"})
            assert other.status_code == 200

    asyncio.run(main())


def test_who_does_not_come_gives_the_place_to_one_who_does(sdp, monkeypatch):
    monkeypatch.setattr(no_shows, "WAIT_S", 0.0)

    async def main():
        async with open_server("server.max_sessions=2") as house:
            for number in (5, 6):
                far = {"x-forwarded-for": f"203.0.113.{number}"}
                answer = await house.http.post("/page/offer", json={"sdp": sdp, "type": "offer"}, headers=far)
                assert answer.status_code == 200
            async with Caller(house.url), Caller(house.url):
                assert [one["connection"] for one in await house.sessions()] == ["connected", "connected"]
                with pytest.raises(RefusedError, match="places are taken"):
                    async with Caller(house.url):
                        pass

    asyncio.run(main())


def test_an_address_has_no_more_callers_than_it_may_have(sdp):
    async def main():
        async with open_server("server.sessions_per_address=1") as house:
            offer = {"json": {"sdp": sdp, "type": "offer"}}
            answers = [await house.http.post("/page/offer", **offer, headers=FAR) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 503]
            assert answers[1].json()["error"]["code"] == "address_full"
            near = [await house.http.post("/page/offer", **offer) for _ in range(2)]
            assert [answer.status_code for answer in near] == [200, 200]

    asyncio.run(main())
