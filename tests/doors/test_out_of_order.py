"""A server with a lane that hangs, or that fails at every step: it says so, lets nobody in, and is well again after."""

import asyncio
import threading

import pytest
from loopback import open_server
from test_http import OFFER

from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.scheduler import scheduler
from voiceagent.scheduler.watchdog import FAILURES
from voiceagent.session.events import Outcome
from voiceagent.session.reports import EngineFailed, ResponseEnded
from voiceagent.testing import scripted_engines

UNEXPECTED_S = 0.2


class Hanging(ScriptedTts):
    """A voice whose steps wait until they are let go."""

    def __init__(self):
        super().__init__(sleep=lambda seconds: None)
        self.go = threading.Event()

    def run(self, batch):
        self.go.wait()
        return super().run(batch)


class Failing(ScriptedTts):
    """A voice that fails at every step until it is mended."""

    def __init__(self):
        super().__init__(sleep=lambda seconds: None)
        self.broken = True

    def run(self, batch):
        if self.broken:
            raise MemoryError("nothing left")
        return super().run(batch)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody rings when a lane is well again
            await asyncio.sleep(0.01)


class Caller:
    """A session without a door."""

    def __init__(self, house):
        self.reports = []
        self.session = house.agent.open_session(self.reports.append)
        self.session.open()

    def told(self):
        return {(report.engine, report.stuck) for report in self.reports if isinstance(report, EngineFailed)}

    def outcomes(self):
        self.session.pull()
        return [report.outcome for report in self.reports if isinstance(report, ResponseEnded)]


async def refusal(house):
    """Return the state of things as an operator and a caller see it."""
    ready = await house.http.get("/ready")
    offer = await house.http.post("/page/offer", json={"sdp": OFFER, "type": "offer"})
    assert ready.status_code == offer.status_code == 503
    assert int(offer.headers["retry-after"]) > 0
    assert offer.json()["error"]["code"] == "out_of_order"
    assert ready.json()["engines"] == {"asr": True, "llm": True, "tts": False, "vad": True, "turn": True}
    assert "The voice is not working" in offer.json()["error"]["message"]
    metrics = (await house.http.get("/metrics")).text
    assert 'voiceagent_lane_ready{lane="tts"} 0.0' in metrics
    assert 'voiceagent_lane_ready{lane="llm"} 1.0' in metrics
    return ready.json()["troubles"]["tts"]


async def is_ready(house):
    return (await house.http.get("/ready")).json() == {
        "ready": True,
        "draining": False,
        "engines": dict.fromkeys(("asr", "llm", "tts", "vad", "turn"), True),
        "troubles": {},
        "lost": [],
    }


@pytest.fixture
def _impatient(monkeypatch):
    monkeypatch.setattr(scheduler, "hang_after_s", lambda predicted_s: UNEXPECTED_S)


@pytest.mark.usefixtures("_impatient")
def test_a_lane_that_hangs_closes_the_door_until_it_returns():
    voice = Hanging()

    async def main():
        async with open_server("turn.engine=smart_turn", engines=scripted_engines(tts=voice)) as house:
            assert await is_ready(house)
            caller = Caller(house)
            caller.session.type("Hello?")
            await until(lambda: caller.told() == {("tts", True)})
            assert "has not returned" in await refusal(house)
            voice.go.set()
            await until(lambda: not house.agent.troubles())
            assert await is_ready(house)
            caller.session.type("And now?")
            await until(lambda: caller.outcomes()[-1:] == [Outcome.COMPLETED])
            caller.session.close()

    try:
        asyncio.run(main())
    finally:
        voice.go.set()


@pytest.mark.usefixtures("_impatient")
def test_what_hangs_when_the_server_ends_is_left_alone(monkeypatch):
    voice = Hanging()
    closed = []
    monkeypatch.setattr(voice, "close", lambda: closed.append("tts"))
    monkeypatch.setattr("voiceagent.scheduler.lane.CLOSE_WITHIN_S", 0.01)

    async def main():
        async with open_server("turn.engine=smart_turn", engines=scripted_engines(tts=voice)) as house:
            caller = Caller(house)
            caller.session.type("Hello?")
            await until(lambda: house.agent.troubles())
            caller.session.close()
            assert house.agent.close() == ["tts"]
            assert not closed, "its model is in use"
            voice.go.set()
            await until(lambda: not house.agent.close())
            assert closed

    try:
        asyncio.run(main())
    finally:
        voice.go.set()


def test_a_lane_that_fails_step_after_step_closes_the_door_until_a_step_succeeds():
    voice = Failing()

    async def main():
        async with open_server("turn.engine=smart_turn", engines=scripted_engines(tts=voice)) as house:
            caller = Caller(house)
            for turn in range(FAILURES):
                caller.session.type("Hello?")
                await until(lambda turn=turn: caller.outcomes().count(Outcome.FAILED) > turn)
            await until(house.agent.troubles)
            assert "The log says why" in await refusal(house)
            assert caller.told() == {("tts", False)}
            voice.broken = False
            caller.session.type("And now?")
            await until(lambda: caller.outcomes()[-1:] == [Outcome.COMPLETED])
            assert await is_ready(house)
            caller.session.close()

    asyncio.run(main())
