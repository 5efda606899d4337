"""Limits for one more caller: the cap, what the machine can answer in time, and when to try again."""

import asyncio

import pytest
from loopback import open_server

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.host import Capacity
from voiceagent.doors.limits import FIRST_RETRY_S, LATEST_RETRY_S, SOONEST_RETRY_S, Limits
from voiceagent.testing.webrtc.caller import Caller
from voiceagent.trace.turn import TurnTrace


def room_for(callers, most=4, calls_s=(), **state):
    """Return the limits of a server whose last calls took that long."""
    now = [0.0]
    limits = Limits(lambda: Capacity(callers, most, **state), lambda: now[0])
    for call_s in calls_s:
        limits.joined("one", None)
        now[0] += call_s
        limits.left("one")
    return limits


def refusal(room, present):
    with pytest.raises(UnavailableError) as refused:
        room.require(present)
    return refused.value


def test_up_to_the_cap_everybody_may_come_while_nothing_else_is_known() -> None:
    room = room_for(None, most=3)
    room.require(2)
    assert refusal(room, 3).code == "server_full"
    assert "All 3 places are taken" in str(refusal(room, 3))


def test_and_no_more_than_can_be_answered_in_time_as_soon_as_that_is_known() -> None:
    room = room_for(2)
    room.require(1)
    busy = refusal(room, 2)
    assert (busy.code, busy.retry_after_s) == ("server_busy", FIRST_RETRY_S)
    assert "cannot answer more than 2 in time" in str(busy)
    assert refusal(room, 4).code == "server_full"


def test_one_caller_may_come_however_slow_the_machine() -> None:
    room = room_for(0)
    room.require(0)
    assert refusal(room, 1).code == "server_busy"


def test_nobody_else_may_come_while_answers_are_late_but_one_always() -> None:
    room = room_for(3, late=True)
    room.require(0)
    assert refusal(room, 1).code == "server_busy"
    assert "overloaded right now" in str(refusal(room, 1))


def test_until_it_is_seen_how_everybody_fares_with_the_last_the_next_waits_but_not_for_one_to_leave() -> None:
    room = room_for(3, settling=True, calls_s=[600])
    room.require(0)
    busy = refusal(room, 2)
    assert (busy.code, busy.retry_after_s) == ("server_busy", FIRST_RETRY_S)
    assert "Someone just joined" in str(busy)
    assert "cannot answer more than 3" in str(refusal(room, 3))


def test_who_is_refused_is_told_when_one_of_those_present_will_have_left() -> None:
    room = room_for(2, calls_s=[20, 60])
    assert refusal(room, 4).retry_after_s == 10
    assert "Try again in 20 s" in str(refusal(room, 2))


def test_but_neither_at_once_nor_never() -> None:
    assert refusal(room_for(None, most=1, calls_s=[0.5]), 1).retry_after_s == SOONEST_RETRY_S
    assert refusal(room_for(None, most=1, calls_s=[0.5, 1e6]), 1).retry_after_s == LATEST_RETRY_S


def test_who_could_not_be_answered_in_time_is_refused_with_the_reason_and_counted() -> None:
    async def scene():
        async with open_server() as house, Caller(house.url):
            assert "voiceagent_capacity_sessions NaN" in (await house.http.get("/metrics")).text
            house.agent._admission.capacity = 1
            refused = await house.http.post("/page/offer", json={"sdp": "v=0", "type": "offer"})
            assert refused.status_code == 503
            assert refused.headers["Retry-After"] == str(FIRST_RETRY_S)
            assert refused.json()["error"]["code"] == "server_busy"
            assert (await house.http.get("/page/config")).json()["callers"] == {"now": 1, "capacity": 1, "most": 4}
            metrics = (await house.http.get("/metrics")).text
            assert 'voiceagent_refused_sessions_total{reason="server_busy"} 1.0' in metrics
            assert "voiceagent_capacity_sessions 1.0" in metrics

    asyncio.run(scene())


def test_answers_that_came_late_let_nobody_else_in() -> None:
    async def scene():
        async with open_server() as house, Caller(house.url):
            for _ in range(2):
                trace = TurnTrace("somebody", 1, outcome="cancelled")
                trace.mark("speech_end", 10.0)
                trace.mark("playout_end", 14.0)
                house.agent._on_turn(trace)
            refused = await house.http.post("/page/offer", json={"sdp": "v=0", "type": "offer"})
            assert refused.json()["error"]["code"] == "server_busy"
            assert "overloaded right now" in refused.json()["error"]["message"]

    asyncio.run(scene())


def test_who_comes_right_after_another_near_the_limit_is_told_to_wait_a_moment() -> None:
    async def scene():
        async with open_server() as house:
            house.agent._admission.capacity = 2
            async with Caller(house.url):
                refused = await house.http.post("/page/offer", json={"sdp": "v=0", "type": "offer"})
                assert refused.status_code == 503
                assert refused.headers["Retry-After"] == str(FIRST_RETRY_S)
                assert "Someone just joined" in refused.json()["error"]["message"]

    asyncio.run(scene())


def test_a_call_that_has_ended_tells_how_long_calls_last() -> None:
    async def scene():
        async with open_server() as house:
            async with Caller(house.url):
                house.agent._admission.capacity = 1
            await house.empty()
            async with Caller(house.url):
                refused = await house.http.post("/page/offer", json={"sdp": "v=0", "type": "offer"})
            assert refused.headers["Retry-After"] == str(SOONEST_RETRY_S)

    asyncio.run(scene())
