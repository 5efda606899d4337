"""The HTTP side of Pipecat's clients, and what configures a session."""

import asyncio

import pytest
from loopback import open_server

from voiceagent.doors.rtvi.envelope import RequestRefusedError
from voiceagent.doors.rtvi.functions import MOST, ClientFunctions
from voiceagent.doors.rtvi.session_config import configured
from voiceagent.tools.contract import Tool


def served(scene, *sets):
    async def main():
        async with open_server(*sets) as house:
            await scene(house)

    asyncio.run(main())


def test_a_session_is_started_with_the_servers_to_reach_it_through():
    async def scene(house):
        answer = await house.http.post("/start", json={"transport": "webrtc", "body": {"voice": "high", "user": 5}})
        assert answer.status_code == 200
        stun, turn = answer.json()["iceConfig"]["iceServers"]
        assert stun == {"urls": ["stun:stun.example.org:3478"]}
        assert turn["urls"] == ["turn:turn.example.org:3478"]
        assert turn["username"].endswith(answer.json()["sessionId"])
        assert "s3cret" not in answer.text
        assert answer.json()["ignored"] == ["user"]
        assert len(answer.json()["sessionId"]) == 32
        assert set((await house.http.post("/start")).json()) == {"sessionId", "iceConfig"}
        assert (await house.http.get("/status")).json() == {"status": "ready", "transports": ["webrtc"]}

    turn = "server.turn={urls: 'turn:turn.example.org:3478', secret: s3cret}"
    served(scene, "server.ice_servers=[{urls: 'stun:stun.example.org:3478'}]", turn)


def test_only_so_many_started_sessions_are_kept(monkeypatch):
    async def scene(house):
        monkeypatch.setattr("voiceagent.doors.rtvi.door.MOST_STARTED", 1)
        first, second = [(await house.http.post("/start", json={})).json()["sessionId"] for _ in range(2)]
        offer = {"sdp": "x", "type": "offer"}
        assert (await house.http.post(f"/sessions/{first}/api/offer", json=offer)).status_code == 404
        assert (await house.http.post(f"/sessions/{second}/api/offer", json=offer)).status_code == 400

    served(scene)


def test_what_is_wrong_is_said_as_the_client_reads_it():
    async def scene(house):
        async def refused(method, path, **request):
            answer = await house.http.request(method, path, **request)
            return answer.status_code, answer.json()["detail"]

        start = (await house.http.post("/start", json={"body": {"voice": "nobody"}})).json()["sessionId"]
        offer = {"sdp": OFFER, "type": "offer"}
        for status, words, (method, path, request) in (
            (400, "not JSON", ("POST", "/start", {"content": "{"})),
            (400, "not a JSON object", ("POST", "/start", {"json": [1]})),
            (413, "larger than", ("POST", "/start", {"content": "x" * 300_000})),
            (413, "larger than 64000", ("POST", "/start", {"json": {"body": {"greeting": "x" * 65_000}}})),
            (400, "There is no transport 'daily'", ("POST", "/start", {"json": {"transport": "daily"}})),
            (400, "is an object", ("POST", "/start", {"json": {"body": "x"}})),
            (400, "voice is a text", ("POST", "/start", {"json": {"body": {"voice": 5}}})),
            (400, "", ("POST", "/api/offer", {"json": {"sdp": "x", "type": "offer"}})),
            (400, "", ("POST", "/api/offer", {"json": {"type": "offer"}})),
            (400, "There is no voice 'nobody'", ("POST", f"/sessions/{start}/api/offer", {"json": offer})),
            (
                400,
                "temperature is a number",
                ("POST", "/api/offer", {"json": {**offer, "requestData": {"temperature": "hot"}}}),
            ),
            (404, "POST /start", ("POST", "/sessions/nobody/api/offer", {"json": offer})),
            (404, "POST /start", ("PATCH", "/sessions/nobody/api/offer", {"json": {}})),
            (404, "No such session", ("PATCH", "/api/offer", {"json": {"pc_id": "nobody", "candidates": []}})),
        ):
            code, detail = await refused(method, path, **request)
            assert (code, words in detail) == (status, True), (path, request, detail)
        assert await house.sessions() == []

    served(scene)


OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp-mux
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {0}
a=setup:actpass
a=mid:0
a=sendrecv
a=rtpmap:111 opus/48000/2
""".replace("{0}", ":".join(["AB"] * 32)).replace("\n", "\r\n")


@pytest.fixture
def config():
    async def of_agent():
        async with open_server() as house:
            return house.agent.config

    return asyncio.run(of_agent())


FUNCTION = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {"at": {}}}}


def test_a_session_is_configured_and_what_is_not_known_is_named(config):
    wanted = {
        "system_prompt": "Be brief.",
        "greeting": "Hi!",
        "voice": None,
        "temperature": 1,
        "max_tokens": 20,
        "language": "de",
        "tools": ["weather", FUNCTION, {"type": "function", "function": {**FUNCTION, "name": "see"}}],
        "theme": "dark",
    }
    functions = ClientFunctions()
    made, ignored = configured(config, wanted, functions)
    assert (made.system_prompt, made.greeting, made.voice) == ("Be brief.", "Hi!", config.voice)
    assert (made.temperature, made.max_tokens, made.language) == (1, 20, "de")
    assert ignored == ["theme"]
    name, *own = made.tools
    assert name == "weather"
    assert [(tool.spec.name, tool.spec.description) for tool in own if isinstance(tool, Tool)] == [
        ("look", "Look."),
        ("see", "Look."),
    ]
    assert functions.names == {"look", "see"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"system_prompt": 5}, "system_prompt is a text"),
        ({"greeting": "x" * 20_001}, "at most 20000"),
        ({"temperature": True}, "temperature is a number"),
        ({"max_tokens": 1.5}, "max_tokens is a whole number"),
        ({"tools": "weather"}, "tools is a list"),
        ({"tools": [5]}, "tools is a list"),
        ({"tools": ["x"] * (MOST + 1)}, f"may have {MOST}"),
        ({"tools": [{}]}, "A function's name"),
        ({"tools": [{"name": "a b"}]}, "not 'a b'"),
        ({"tools": [{**FUNCTION, "description": 5}]}, "description of the function look"),
        ({"tools": [{**FUNCTION, "parameters": [1]}]}, "JSON Schema"),
        ({"tools": [{**FUNCTION, "parameters": {"type": "string"}}]}, "JSON Schema"),
        ({"tools": [{**FUNCTION, "description": "x" * 9000}]}, "more than 8000"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(config, wanted, words):
    with pytest.raises(RequestRefusedError, match=words):
        configured(config, wanted, ClientFunctions())


def test_results_find_the_calls_that_wait_for_them_in_order():
    async def main():
        functions = ClientFunctions()
        tool = functions.tool(FUNCTION)
        functions.announce("look", "a")
        functions.announce("look", "b")
        first, second = asyncio.create_task(tool.run({})), asyncio.create_task(tool.run({}))
        await asyncio.sleep(0)
        functions.settle("b", {"seen": "sea"})
        functions.settle("a", "sky")
        assert (await first, await second) == ("sky", '{"seen": "sea"}')
        with pytest.raises(RequestRefusedError, match="'a' is under way"):
            functions.settle("a", "again")

    asyncio.run(main())


def test_a_call_that_never_began_takes_nobodys_result():
    async def main():
        functions = ClientFunctions()
        tool = functions.tool(FUNCTION)
        functions.announce("look", "cancelled")
        functions.forget()
        functions.announce("look", "next")
        running = asyncio.create_task(tool.run({}))
        await asyncio.sleep(0)
        functions.settle("next", "sea")
        assert await running == "sea"

    asyncio.run(main())
