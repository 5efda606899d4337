"""Scenarios in real time: with an agent in this process, and through the door of a server."""

import asyncio
import re

import pytest
from loopback import open_server

from voiceagent.evals import Run, evaluate, load_scenarios
from voiceagent.evals.check import check
from voiceagent.evals.conversation import hold
from voiceagent.evals.scenario import Scenario
from voiceagent.evals.spoken import spoken_user
from voiceagent.evals.utterance import Utterances
from voiceagent.testing.sound import voice
from voiceagent.testing.webrtc.caller import RefusedError

pytestmark = pytest.mark.realtime

TALK = {
    "name": "talk",
    "turns": [
        {
            "user": "Hello, can you hear me?",
            "expect": [{"happens": "user_starts"}, {"says": "hello can you hear me", "within_ms": 5000}],
        },
        {"sound": "hum", "sound_ms": 120, "cut_in": 2, "answered": False},
        {"types": "and in writing", "expect": [{"says": "you said and in writing", "outcome": "completed"}]},
    ],
    "end": {"outcomes": ["completed", "completed"], "remembers": ["in writing"]},
}


def test_a_scenario_is_spoken_through_the_door_of_a_server(tmp_path):
    scenario = Scenario.model_validate(TALK)

    async def main():
        async with open_server() as house, spoken_user(house.url, sound=True) as user:
            await hold(scenario, user, Utterances(tmp_path, lambda text: voice(len(text.split()) / 3 + 0.02), None))
        return user.record

    record = asyncio.run(main())
    findings = check(scenario, record, "real")
    assert [finding.failure for finding in findings if finding.failure] == []
    assert [finding.loc for finding in findings if finding.note] == [("end", "remembers")]
    assert len(record.audio) == pytest.approx((record.end + 1) * 16_000, abs=1_000)
    assert len(record.sounds) >= 2


def test_a_server_that_wants_a_token_is_given_the_one_of_the_environment(monkeypatch):
    token = "a-token-that-nobody-guesses"

    async def main():
        async with open_server(f"server.token={token}") as house:
            with pytest.raises(RefusedError) as refused:
                async with spoken_user(house.url, sound=False):
                    pass
            monkeypatch.setenv("VOICEAGENT_TOKEN", token)
            async with spoken_user(house.url, sound=False) as user:
                return refused.value.status, user.at_rest

    assert asyncio.run(main()) == (401, False)


def test_an_address_of_another_program_is_told_apart():
    async def main():
        async def answer(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(RefusedError, match=r"refused the call \(404\): no"):
                async with spoken_user(url, sound=False):
                    pass

    asyncio.run(main())


def test_what_a_page_cannot_do_is_reported(tmp_path):
    scenario = Scenario.model_validate({"name": "keys", "turns": [{"keys": "12"}]})

    async def main():
        async with open_server() as house, spoken_user(house.url, sound=False) as user:
            await hold(scenario, user, Utterances(tmp_path, voice, None))
        return user.record

    assert (
        asyncio.run(main()).trouble == "Keys of a telephone cannot be pressed through the page's door: leave out --url."
    )


def test_an_agents_own_engines_run_in_real_time(tmp_path):
    path = tmp_path / "typed.yaml"
    path.write_text(
        "name: typed\nset: {session.greeting: '', session.idle_s: 0}\n"
        "tools: [{name: weather, about: Tell the weather., result: Sunny.}]\n"
        "turns:\n  - types: good day\n    expect: {says: you said good day, outcome: completed}\n"
        "end: {remembers: [good day], user_turns: 1}\n"
    )
    (result,) = evaluate(load_scenarios(path), Run("scripted.yaml", real=True, sound=True))
    assert result.failures == []
    assert result.seconds > result.record.end > 1
    assert abs(result.record.audio).max() > 0.05
