"""Callers who come back: real WebRTC calls that break, and go on with what was not heard."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from loopback import open_server

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.returning import Claim, read_claim
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.items import Past
from voiceagent.session.snapshot import Place, Snapshot
from voiceagent.session.store import MOST_KEPT, MemoryStore
from voiceagent.testing import run_virtual, scripted_engines
from voiceagent.testing.webrtc.caller import Caller, RefusedError

STORY = "The fox came out of the forest, looked for her children, and found all of them asleep."
WORDS = STORY.split()


@asynccontextmanager
async def house_of(*sets):
    async with open_server(*sets, engines=scripted_engines(llm=ScriptedLlm(lambda messages: STORY))) as house:
        yield house


def first_message(caller):
    return caller.last("session").payload


def claim_of(caller):
    """What the page would bring along: its token, and the last word that it heard."""
    claim = {"token": first_message(caller)["resume"]["token"]}
    if (word := caller.last("agent.word")) is not None:
        claim |= {name: word.payload[name] for name in ("generation", "segment", "word")}
    return claim


def heard(caller):
    """The words that the client was told were heard, by response."""
    segments, words = {}, {}
    for received in caller.messages:
        message = received.payload
        if received.kind == "agent.segment":
            segments[message["generation"], message["segment"]] = message["words"]
        elif received.kind == "agent.word":
            said = segments[message["generation"], message["segment"]]
            words.setdefault(message["generation"], []).append(said[message["word"]])
    return words


async def tells_until(caller, count):
    caller.send({"type": "text", "text": "tell me a story"})
    await caller.until(lambda: sum(map(len, heard(caller).values())) >= count or None, 90, "a few words")


async def finishes(caller):
    return await caller.until(lambda: caller.last("agent.end"), 90, "the response to end")


def history(caller):
    return [(item["role"], item["text"]) for item in caller.last("history").payload["items"]]


@pytest.mark.parametrize("how", ["away", "vanished"])
def test_a_broken_call_goes_on_at_the_word_that_was_cut(how):
    async def main():
        async with house_of() as house, Caller(house.url) as caller:
            await tells_until(caller, 5)
            claim, session = claim_of(caller), first_message(caller)["session"]
            if how == "away":
                caller.send({"type": "away"})
                await house.empty()
            async with Caller(house.url, resume=claim) as again:
                await finishes(again)
                assert first_message(again)["session"] == session
                assert first_message(again)["resumed"]
                assert first_message(again)["resume"]["token"] == claim["token"]
                before, (after,) = heard(caller)[1], heard(again).values()
                known = claim["word"] + sum(
                    len(received.payload["words"])
                    for received in caller.messages
                    if received.kind == "agent.segment" and received.payload["segment"] < claim["segment"]
                )
                assert before[: known + 1] == WORDS[: known + 1]
                assert after == WORDS[known:]
                assert history(again) == [("user", "tell me a story"), ("assistant", " ".join(WORDS[:known]))]
                (listed,) = await house.sessions()
                assert listed["session"] == session

    asyncio.run(main())


def test_an_old_token_begins_another_conversation_and_so_does_one_after_a_hang_up():
    async def main():
        async with house_of() as house, Caller(house.url) as caller:
            await tells_until(caller, 3)
            claim, session = claim_of(caller), first_message(caller)["session"]
            caller.send({"type": "hangup"})
            await house.empty()
            for token in (claim["token"], "no-such-token"):
                async with Caller(house.url, resume={"token": token}) as again:
                    assert first_message(again)["session"] != session
                    assert not first_message(again)["resumed"]
                    assert first_message(again)["resume"]["token"] != token
                    assert again.last("history") is None

    asyncio.run(main())


def test_a_caller_who_is_refused_may_come_back_later():
    async def main():
        async with house_of("server.max_sessions=1") as house, Caller(house.url) as caller:
            await tells_until(caller, 5)
            claim, session = claim_of(caller), first_message(caller)["session"]
            caller.send({"type": "away"})
            await house.empty()
            async with Caller(house.url):
                with pytest.raises(RefusedError, match="server_full"):
                    await Caller(house.url, resume=claim).__aenter__()
            await house.empty()
            async with Caller(house.url, resume=claim) as again:
                assert first_message(again)["session"] == session

    asyncio.run(main())


def test_an_offer_that_is_none_takes_nobody_over():
    async def main():
        async with house_of() as house, Caller(house.url) as caller:
            await tells_until(caller, 3)
            token = first_message(caller)["resume"]["token"]
            for body in (
                {"sdp": "no", "type": "offer", "resume": {"token": token}},
                {"sdp": "v=0", "type": "offer", "resume": {"token": token, "word": 3}},
            ):
                answer = await house.http.post("/page/offer", json=body)
                assert answer.status_code == 400
            assert len(await house.sessions()) == 1
            await finishes(caller)

    asyncio.run(main())


def test_where_nothing_is_kept_no_token_is_given():
    async def main():
        async with house_of("session.resume_s=0") as house, Caller(house.url) as caller:
            assert first_message(caller)["resume"] is None

    asyncio.run(main())


@pytest.mark.parametrize(
    "value",
    [
        "token",
        {},
        {"token": ""},
        {"token": 3},
        {"token": "x" * 65},
        {"token": "x", "generation": 1},
        {"token": "x", "generation": 1, "segment": 0, "word": -1},
        {"token": "x", "generation": True, "segment": 0, "word": 0},
        {"token": "x", "generation": 1, "segment": 0, "word": 1e3},
        {"token": "x", "generation": 1, "segment": 0, "word": 10**9},
    ],
)
def test_a_claim_that_is_none_is_refused_with_what_to_send(value):
    with pytest.raises(BadRequestError, match="generation"):
        read_claim(value)


def test_a_claim_says_how_far_was_heard_or_not():
    assert read_claim(None) is None
    assert read_claim({"token": "x"}) == Claim("x")
    assert read_claim({"token": "x", "generation": 1, "segment": 0, "word": 2}) == Claim("x", Place(1, 0, 2))


def test_a_conversation_is_kept_for_a_while_and_not_for_ever():
    one, other = (Snapshot(name, Past(), 1, 0) for name in "ab")

    async def main():
        store = MemoryStore(30)
        store.keep("a", one)
        await asyncio.sleep(29)
        assert await store.take("a") == one
        assert await store.take("a") is None
        store.keep("a", one)
        store.keep("a", other)
        await asyncio.sleep(31)
        assert await store.take("a") is None
        for number in range(MOST_KEPT + 1):
            store.keep(str(number), one)
        assert await store.take("0") is None
        assert await store.take("1") == one
        store.close()
        assert await store.take("2") is None

    run_virtual(main())
