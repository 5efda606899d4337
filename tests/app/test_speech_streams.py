"""Recognisers and voices that are lent without a conversation."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from voiceagent import Agent
from voiceagent.app.speech_streams import SpeechStreams
from voiceagent.doors.errors import UnavailableError
from voiceagent.engines.asr.contract import SAMPLE_RATE, Transcript
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import AsideEnded
from voiceagent.trace.turn import TurnTrace

VOICE = (0.3 * np.sin(2 * np.pi * 150.0 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


@asynccontextmanager
async def loaded(**settings):
    async with Agent("scripted.yaml", settings={"server.speech_streams": 2, **settings}) as agent:
        yield agent


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - an engine's event wakes nobody here
            await asyncio.sleep(0.005)


def lent(agent):
    return agent.metrics.registry.get_sample_value("voiceagent_speech_streams")


def test_a_reply_apart_from_a_conversation_takes_one_of_these_places_while_it_is_written():
    async def main():
        async with loaded(**{"server.speech_streams": 1}) as agent:
            reports = []
            session = agent.open_session(reports.append)
            session.open()
            request = session.respond("Be brief.", remember=False)
            assert lent(agent) == 1.0
            with pytest.raises(UnavailableError, match="taken"):
                session.respond(remember=False)
            await until(lambda: any(isinstance(report, AsideEnded) for report in reports))
            assert lent(agent) == 0.0
            (aside,) = [report for report in reports if isinstance(report, AsideEnded)]
            assert (aside.request, aside.text) == (request, "You said: Be brief. That was turn 1.")
            session.close()

    asyncio.run(main())


def test_a_recogniser_and_a_voice_work_without_a_session():
    async def main():
        async with loaded() as agent:
            heard, spoken = [], []
            ear, voice = agent.open_recogniser(heard.append), agent.open_voice(spoken.append)
            assert lent(agent) == 2.0
            now = asyncio.get_running_loop().time()
            ear.begin_speech()
            ear.push(VOICE)
            ear.finalise(1, now)
            voice.speak(1, 0, "Hello there.", now, voice=agent.engines.tts.voices[1])
            await until(lambda: any(isinstance(event, Transcript) and event.fork == 1 for event in heard))
            await until(lambda: spoken and spoken[-1].final)
            assert next(event.text for event in heard if event.fork == 1)
            assert all(isinstance(event, SpeechAudio) for event in spoken)
            with pytest.raises(VoiceAgentError, match="Choose one of"):
                voice.speak(1, 1, "Hello there.", now, voice="nobody")
            ear.commit()
            voice.cancel(1)
            ear.close()
            voice.close()
            assert lent(agent) == 0.0
            assert agent._admission._present() == 0, "they are no callers"

    asyncio.run(main())


def test_when_all_are_lent_the_next_is_refused_until_one_comes_back():
    async def main():
        async with loaded() as agent:
            first, second = agent.open_voice(lambda event: None), agent.open_recogniser(lambda event: None)
            with pytest.raises(UnavailableError) as refused:
                agent.open_voice(lambda event: None)
            assert refused.value.code == "server_full"
            assert refused.value.retry_after_s
            assert "All 2 speech streams (server.speech_streams)" in str(refused.value)
            session = agent.open_session(lambda report: None)
            session.close()
            first.close()
            first.close()
            third = agent.open_recogniser(lambda event: None)
            with pytest.raises(UnavailableError):
                agent.open_recogniser(lambda event: None)
            second.close()
            third.close()
            assert lent(agent) == 0.0

    asyncio.run(main())


def test_none_is_lent_while_callers_are_answered_late():
    async def main():
        async with loaded() as agent:
            for _ in range(2):
                trace = TurnTrace("somebody", 1, outcome="cancelled")
                trace.mark("speech_end", 10.0)
                trace.mark("playout_end", 14.0)
                agent._on_turn(trace)
            with pytest.raises(UnavailableError, match="overloaded right now") as refused:
                agent.open_voice(lambda event: None)
            assert refused.value.code == "server_busy"

    asyncio.run(main())


def test_a_setting_of_none_lends_none():
    async def main():
        async with loaded(**{"server.speech_streams": 0}) as agent:
            with pytest.raises(UnavailableError, match="All 0 speech streams"):
                agent.open_voice(lambda event: None)

    asyncio.run(main())


def test_nothing_is_lent_before_the_models_are_loaded():
    with pytest.raises(VoiceAgentError, match="Still loading"):
        Agent("scripted.yaml").open_voice(lambda event: None)


def test_a_lane_that_is_not_well_lends_nothing_and_the_other_does():
    streams = SpeechStreams(2, lambda: False, lambda: {"tts": "it hangs."}, lambda number: None)
    with pytest.raises(UnavailableError, match="The voice is not working: it hangs"):
        streams.lend("tts", lambda: ScriptedTts().open(print))
    assert streams.lend("asr", lambda: ScriptedAsr().open(print)).number == 0


def test_a_stream_that_ends_badly_gives_its_place_back():
    numbers = []
    streams = SpeechStreams(1, lambda: False, dict, numbers.append)

    class Gone:
        def close(self):
            raise RuntimeError("the connection is gone")

    voice = streams.lend("tts", Gone)
    with pytest.raises(RuntimeError):
        voice.close()
    assert numbers == [1, 0]
