"""The Realtime door refuses: what is wrong, what the agent lacks, what is too much; and disturbs nobody with it."""

import asyncio
import base64
import json
import logging
import socket

import pytest
import websockets
from loopback import open_server
from realtime_caller import realtime_call
from realtime_talk import LONG, run, said, write

from voiceagent.doors.realtime.events.parse import MAX_EVENT_CHARS


async def refused(caller, kind, **fields):
    """Send an event that is refused, and return the error, which names it."""
    await caller.send(kind, event_id="this", **fields)
    error = (await caller.until("error"))["error"]
    assert error["event_id"] == "this"
    assert error["type"] == "invalid_request_error"
    return error


async def refused_session(caller, **session):
    return await refused(caller, "session.update", session=session)


def item_of(*content):
    return {"type": "message", "role": "user", "content": list(content)}


def test_what_is_no_event_is_refused_and_the_session_goes_on(caplog):
    caplog.set_level(logging.INFO)

    async def conversation(caller, prompts, house):
        for message in ("{", b"\x00\x01", '"text"', "[1]", '{"type": 7}', "{}", "{", '{"type": "\\ud800"}'):
            await caller.send_raw(message)
            assert (await caller.until("error"))["error"]["message"]
        assert (await write(caller, "Hello."))["status"] == "completed"
        logged = [record.reason for record in caplog.records if "event is refused" in record.message]
        assert sorted(logged) == ["invalid_event", "invalid_json", "invalid_value"], "each once"

    run(conversation)


def test_what_the_agent_lacks_is_refused_with_what_there_is_and_nothing_changes():
    async def conversation(caller, prompts, house):
        before = house.agent.config
        error = await refused_session(caller, audio={"output": {"voice": "growl"}}, instructions="Growl.")
        assert "Choose one of low, high" in error["message"]
        error = await refused_session(caller, audio={"output": {"speed": 1.3}})
        assert error["param"] == "session.audio.output.speed"
        error = await refused_session(caller, prompt={"id": "pmpt_1"})
        assert error["param"] == "session.prompt"
        error = await refused_session(caller, tools=[{"type": "mcp", "server_label": "x", "server_url": "http://x"}])
        assert (error["param"], "mcp" in error["message"]) == ("session.tools", True)
        error = await refused_session(caller, tool_choice="required")
        assert error["param"] == "session.tool_choice"
        error = await refused_session(caller, instructions="long " * 10_000)
        assert "tokens" in error["message"]
        error = await refused_session(caller, type="transcription")
        assert error["param"] == "session.type"
        image = item_of({"type": "input_image", "image_url": "data:image/png;base64,AA=="})
        assert "describe" in (await refused(caller, "conversation.item.create", item=image))["message"]
        audio = item_of({"type": "input_audio", "audio": "AAAA"})
        assert "append" in (await refused(caller, "conversation.item.create", item=audio))["message"]
        call = {"type": "function_call", "name": "x", "arguments": "{}"}
        assert (await refused(caller, "conversation.item.create", item=call))["code"] == "unsupported_item"
        nothing = item_of({"type": "input_text", "text": " "})
        assert "words" in (await refused(caller, "conversation.item.create", item=nothing))["message"]
        assert (await write(caller, "Hello."))["status"] == "completed"
        assert prompts[-1][0].content == before.system_prompt
        assert said(prompts[-1]) == [("user", "Hello.")]

    run(conversation)


def test_voices_that_only_openai_has_are_the_agents_own():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"audio": {"output": {"voice": "marin", "speed": 1.0}}})
        session = (await caller.until("session.updated"))["session"]
        assert session["audio"]["output"]["voice"] == "marin"
        await caller.send("session.update", session={"audio": {"output": {"voice": {"id": "high"}}}})
        await caller.until("session.updated")
        assert (await write(caller, "Hello."))["status"] == "completed"

    run(conversation)


def test_wrong_audio_is_refused_and_what_is_too_much_left_out():
    async def conversation(caller, prompts, house):
        assert (await refused(caller, "input_audio_buffer.append", audio="not base64!"))["code"] == "invalid_audio"
        odd = base64.b64encode(b"\0\0\0").decode()
        assert "even number" in (await refused(caller, "input_audio_buffer.append", audio=odd))["message"]
        half_a_minute = base64.b64encode(bytes(24_000 * 2 * 30)).decode()
        await caller.send("input_audio_buffer.append", audio=half_a_minute)
        await caller.send("input_audio_buffer.append", audio=half_a_minute)
        error = await refused(caller, "input_audio_buffer.append", audio=half_a_minute)
        assert error["code"] == "too_fast"
        await caller.send_raw(json.dumps({"type": "input_audio_buffer.append", "audio": "A" * MAX_EVENT_CHARS}))
        assert (await caller.until("error"))["error"]["code"] == "event_too_large"
        assert (await write(caller, "Hello."))["status"] == "completed"

    run(conversation)


def test_a_client_that_never_reads_is_cut_off_with_a_reason_and_the_others_talk_on():
    async def conversation(caller, prompts, house):
        where = house.http.base_url
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(deaf.connect, (where.host, where.port))
        connecting = websockets.connect(f"ws://{where.host}/v1/realtime", sock=deaf, max_queue=1, open_timeout=10)
        async with asyncio.timeout(30), connecting as other:
            big = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "sea " * 50_000}]}
            await other.send(json.dumps({"type": "conversation.item.create", "item": {**big, "id": "big"}}))
            for _ in range(200):
                await other.send(json.dumps({"type": "conversation.item.retrieve", "item_id": "big"}))
            while len(await house.sessions()) > 1:  # noqa: ASYNC110 - the server has no event to wait for
                await asyncio.sleep(0.02)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                [await other.recv() for _ in range(400)]
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "too slow: read what is sent")
        assert (await write(caller, "Hello."))["status"] == "completed"

    run(conversation)


def test_a_client_that_vanishes_leaves_its_place():
    async def main():
        async with open_server("server.max_sessions=1") as house:
            async with realtime_call(house) as caller:
                await caller.send("response.create")
                await caller.until("response.created")
                caller._socket.transport.abort()
            await house.empty()
            async with realtime_call(house) as caller:
                assert (await write(caller, "Hello."))["status"] == "completed"
                with pytest.raises(websockets.InvalidStatus) as full:
                    await websockets.connect(house.url.replace("http", "ws") + "/v1/realtime")
                response = full.value.response
                assert response.status_code == 503
                assert int(response.headers["Retry-After"]) > 0
                assert json.loads(response.body)["error"]["code"] == "server_full"

    asyncio.run(main())


@pytest.mark.realtime
def test_an_idle_client_is_told_so_and_one_that_sends_silence_is_not_idle():
    async def main():
        async with (
            open_server("realtime.idle_s=1") as house,
            realtime_call(house) as idle,
            realtime_call(house) as busy,
        ):
            await busy.speak(0.1, then_silent_s=1.6)
            assert busy.closed is None
            assert idle.closed == (1001, "idle: nothing came for 1 s")

    asyncio.run(main())


def test_a_client_secret_opens_the_door_with_its_session():
    async def main():
        async with open_server("server.token=the-token-of-the-server") as house:
            body = {
                "expires_after": {"anchor": "created_at", "seconds": 60},
                "session": {"type": "realtime", "instructions": "Be a pirate.", "output_modalities": ["text"]},
            }
            secrets = "/v1/realtime/client_secrets"
            assert (await house.http.post(secrets, json=body)).status_code == 401
            house.http.headers["Authorization"] = "Bearer the-token-of-the-server"
            made = (await house.http.post(secrets, json=body)).json()
            assert made["session"]["instructions"] == "Be a pirate."
            assert made["session"]["object"] == "realtime.session"
            names = [websockets.Subprotocol(name) for name in ("realtime", f"openai-insecure-api-key.{made['value']}")]
            async with realtime_call(house, subprotocols=names) as caller:
                session = caller.events[0]["session"]
                assert (session["instructions"], session["output_modalities"]) == ("Be a pirate.", ["text"])
                assert caller._socket.subprotocol == "realtime"
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(house.url.replace("http", "ws") + "/v1/realtime")
            for wrong in ({"expires_after": {"seconds": 5}}, {"session": {"prompt": {"id": "x"}}}, {"sesion": {}}):
                refusal = await house.http.post(secrets, json=wrong)
                assert refusal.status_code == 400
                assert refusal.json()["error"]["message"]

    asyncio.run(main())


def test_offers_that_are_none_are_refused():
    async def main():
        async with open_server() as house:
            calls = "/v1/realtime/calls"
            for content, kind, code in (
                ("hello", "application/sdp", "bad_sdp"),
                ("{}", "application/json", "bad_content_type"),
                ("x", "multipart/form-data; boundary=y", "bad_form"),
            ):
                answer = await house.http.post(calls, content=content, headers={"Content-Type": kind})
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
            for form, code in (
                ({"session": (None, "{}")}, "bad_sdp"),
                ({"sdp": (None, "v=0"), "session": (None, "{")}, "bad_json"),
                ({"sdp": (None, "v=0"), "session": (None, '{"voice": "x"}')}, "unknown_parameter"),
                (
                    {"sdp": (None, "v=0"), "session": (None, '{"audio": {"output": {"voice": "growl"}}}')},
                    "invalid_value",
                ),
            ):
                answer = await house.http.post(calls, files=form)
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.text
            assert (await house.http.post(f"{calls}/rtc_nobody/hangup")).status_code == 404
            assert await house.sessions() == []

    asyncio.run(main())


@pytest.mark.realtime
def test_one_clients_flood_leaves_anothers_turn_alone():
    async def conversation(caller, prompts, house):
        async with realtime_call(house) as other:
            flood = [other.send("response.cancel", event_id=str(number)) for number in range(900)]
            await asyncio.gather(caller.speak(0.8), *flood)
            done = (await caller.until("response.done"))["response"]
            assert done["status"] == "completed"
            for number in range(900):
                assert (await other.until("error"))["error"]["event_id"] == str(number)

    run(conversation, LONG)
