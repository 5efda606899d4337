"""Looking on at a conversation: those who come late are told all of it, and those who are slow hold up nobody."""

import pytest
from loopback import open_server

from voiceagent.doors import watched as watched_module
from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.watched import Watched
from voiceagent.session.reports import SessionClosed, SessionOpened, UserText

pytestmark = pytest.mark.anyio

NEVER = 60.0


def text(number):
    return UserText(number, f"turn {number}", True)


async def taken(follow, count):
    return [await anext(follow) for _ in range(count)]


async def test_one_that_comes_late_gets_what_was_said_before_and_what_is_said_then():
    watched = Watched()
    watched.report(SessionOpened())
    watched.report(text(1))
    follow = watched.follow(NEVER)
    assert await taken(follow, 2) == [SessionOpened(), text(1)]
    watched.report(text(2))
    watched.report(SessionClosed())
    watched.report(text(3))
    assert [report async for report in follow] == [text(2), SessionClosed()]
    assert watched.over


async def test_nothing_is_said_for_a_while_and_the_onlooker_is_told_so():
    assert await taken(Watched().follow(0.0), 3) == [None, None, None]


async def test_one_that_is_slow_is_let_go_and_the_others_miss_nothing(monkeypatch):
    monkeypatch.setattr(watched_module, "PAST", 0)
    monkeypatch.setattr(watched_module, "BEHIND", 3)
    watched = Watched()
    slow, quick = watched.follow(0.0), watched.follow(0.0)
    await anext(slow)
    await anext(quick)
    got = []
    for number in range(10):
        watched.report(text(number))
        got.append(await anext(quick))
    assert got == [text(number) for number in range(10)]
    assert [report async for report in slow] == [text(0), text(1), text(2)]
    await quick.aclose()


async def test_there_is_a_most_of_onlookers_and_one_that_leaves_makes_room(monkeypatch):
    monkeypatch.setattr(watched_module, "MOST", 1)
    watched = Watched()
    with pytest.raises(UnavailableError, match="not begun"):
        watched.require_session()
    watched.session = object()
    follow = watched.follow(0.0)
    await anext(follow)
    with pytest.raises(UnavailableError, match="close one"):
        watched.require_session()
    await follow.aclose()
    assert watched.require_session() is watched.session


async def test_a_server_at_which_nobody_talks_says_how_to():
    async with open_server() as house:
        answer = await house.http.get("/page/watch")
        assert (await house.http.get("/page/config")).json()["watch"] is False
    assert answer.status_code == 404
    assert "voiceagent talk --page" in answer.json()["error"]["message"]
