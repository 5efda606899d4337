"""What goes wrong in one lane is told to the one caller it concerns, is counted, and leaves the others in peace."""

import asyncio
import logging
from dataclasses import replace

import numpy as np
import pytest
from crowd import REAL, Crowd, outcomes

from voiceagent.app.engines import lanes_of
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import EngineFailed
from voiceagent.testing import run_virtual


@pytest.fixture(autouse=True)
def _no_log():
    """A lane that fails at every step logs as often, and pytest would keep it all."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


QUESTION = "tell me all about the sea"
"""Always the same, so that the same answer is right."""
LONG_REPLY = "The sea is deep. It is full of fish. Some of them shine in the dark."
NAN = float("nan")


class OutOfMemoryError(RuntimeError):
    """What torch.cuda raises, by its name."""


def raises(error):
    def fault(run, batch):
        raise error

    return fault


def gives_no_numbers(run, batch):
    result = run(batch)
    step = result.event
    if isinstance(step.event, SpeechAudio):
        wrong = replace(step.event, pcm=np.full_like(step.event.pcm, np.nan))
    else:
        wrong = replace(step.event, probability=NAN)
    return replace(result, event=replace(step, event=wrong))


class Sabotage:
    """Breaks a lane's steps for one caller, until it is mended."""

    def __init__(self, crowd, lane, fault):
        self.engine = lanes_of(crowd.engines)[lane]
        self.lane, self.fault, self.run = lane, fault, self.engine.run
        self.victim = None
        self.struck = 0
        self.engine.run = self

    def __call__(self, batch):
        if self.victim is None or not any((self.lane, n) in self.victim.session.streams for n in batch.streams):
            return self.run(batch)
        self.struck += 1
        return self.fault(self.run, batch)


FAULTS = {
    "raises": raises(ValueError("shapes differ")),
    "is out of memory": raises(MemoryError("cannot allocate 3 GiB")),
    "is out of memory on the GPU": raises(OutOfMemoryError("CUDA out of memory")),
    "gives no numbers": gives_no_numbers,
}
CASES = [
    (lane, fault)
    for lane in ("asr", "llm", "tts", "vad", "turn")
    for fault in FAULTS
    if lane in ("tts", "vad", "turn") or fault != "gives no numbers"  # text is text
]


@pytest.mark.parametrize(("lane", "fault"), CASES, ids=lambda case: case)
def test_a_fault_in_a_lane_stays_with_its_caller_and_ends_with_it(lane, fault):
    async def main():
        crowd = Crowd(llm=lambda messages: LONG_REPLY, asr=[QUESTION])
        sabotage = Sabotage(crowd, lane, FAULTS[fault])
        victim, bystander = crowd.call(), crowd.call()

        async def talk(call):
            for _ in range(2):
                await call.speaks(3.0)
                await call.listens(9.0)

        sabotage.victim = victim
        await asyncio.gather(talk(victim), talk(bystander))
        assert sabotage.struck
        assert outcomes(bystander) == ["completed", "completed"]
        assert not bystander.of(EngineFailed)
        assert all(trace.voice_to_voice_ms < 700 for trace in bystander.turns)
        assert {(failed.engine, failed.stuck) for failed in victim.of(EngineFailed)} == {(lane, False)}
        assert crowd.count("engine_errors_total", engine=lane) >= 1

        sabotage.victim = None
        await victim.listens(2.0)
        before = len(victim.turns)
        await victim.speaks(3.0)
        await victim.listens(9.0)
        assert [trace.outcome for trace in victim.turns[before:]] == ["completed"]
        assert crowd.queued() == 0

    run_virtual(main())


@pytest.mark.parametrize("fault", ["raises", "is out of memory", "is out of memory on the GPU"])
def test_a_language_model_that_fails_is_apologised_for_aloud(fault):
    async def main():
        crowd = Crowd()
        sabotage = Sabotage(crowd, "llm", FAULTS[fault])
        sabotage.victim = call = crowd.call()
        await call.speaks(3.0)
        await call.listens(8.0)
        assert "something went wrong" in call.said
        assert outcomes(call) == ["failed", "completed"]
        kind = "error" if fault == "raises" else "memory"
        assert crowd.count("step_failures_total", lane="llm", key="llm.prefill", kind=kind) >= 1
        assert crowd.count("turns_total", outcome="failed") == 1

    run_virtual(main())


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_voice_that_fails_in_mid_answer_is_apologised_for_in_the_same_voice(fault):
    async def main():
        crowd = Crowd(llm=lambda messages: LONG_REPLY, asr=[QUESTION])
        sabotage = Sabotage(crowd, "tts", FAULTS[fault])
        call = crowd.call()
        await call.speaks(3.0)
        while not call.ear.audible:
            await call.listens(0.06)
        run, sabotage.victim = sabotage.fault, call

        def once(inner, batch):
            sabotage.victim = None
            return run(inner, batch)

        sabotage.fault = once
        await call.listens(10.0)
        assert sabotage.struck == 1
        assert outcomes(call) == ["failed", "completed"]
        assert "something went wrong" in call.said

    run_virtual(main())


def test_a_recogniser_that_fails_is_apologised_for_aloud():
    async def main():
        crowd = Crowd()
        sabotage = Sabotage(crowd, "asr", FAULTS["raises"])
        sabotage.victim = call = crowd.call()
        await call.speaks(3.0)
        await call.listens(8.0)
        assert "something went wrong" in call.said
        assert outcomes(call) == ["completed"]

    run_virtual(main())


def test_a_turn_detector_that_fails_is_waited_for_no_longer_than_patience_lasts():
    async def main():
        crowd = Crowd()
        sabotage = Sabotage(crowd, "turn", gives_no_numbers)
        sabotage.victim = call = crowd.call()
        await call.speaks(3.0)
        await call.listens(8.0)
        (trace,) = call.turns
        assert trace.outcome == "completed"
        assert trace.voice_to_voice_ms <= 1_300

    run_virtual(main())


def test_a_lane_that_fails_at_every_step_is_counted_each_time_and_told_of_once_a_second():
    async def main():
        crowd = Crowd()
        sabotage = Sabotage(crowd, "vad", FAULTS["raises"])
        sabotage.victim = call = crowd.call()
        await call.speaks(3.0)
        assert 3 <= len(call.of(EngineFailed)) <= 4
        assert crowd.count("engine_errors_total", engine="vad") == sabotage.struck > 80

    run_virtual(main())


def test_whoever_finds_no_place_in_one_engine_takes_none_in_the_others():
    async def main():
        crowd = Crowd(llm=ScriptedLlm(sequences=1, **REAL))
        closed = []
        opened = crowd.engines.asr.open

        def watched(on_event):
            stream = opened(on_event)
            close = stream.close
            stream.close = lambda: (closed.append(stream.number), close())
            return stream

        crowd.engines.asr.open = watched
        first = crowd.call()
        with pytest.raises(VoiceAgentError, match="sequences"):
            crowd.call()
        assert len(closed) == 1
        await first.speaks(3.0)
        await first.listens(8.0)
        assert outcomes(first) == ["completed"]

    run_virtual(main())


@pytest.mark.parametrize("method", ["generate", "speak", "finalise"])
def test_an_engine_that_refuses_a_request_on_the_spot_costs_that_turn_only(method):
    async def main():
        crowd = Crowd()
        call = crowd.call()
        session = call.session
        stream = {"generate": session._llm, "speak": session._tts, "finalise": session._input.asr}[method]
        sound = getattr(stream, method)

        def refuse(*args, **kwargs):
            raise VoiceAgentError("The text is too long for the context.")

        setattr(stream, method, refuse)
        await call.speaks(3.0)
        await call.listens(8.0)
        assert call.of(EngineFailed)
        setattr(stream, method, sound)
        await call.speaks(3.0)
        await call.listens(8.0)
        assert outcomes(call)[-1] == "completed"
        assert "You said" in call.said

    run_virtual(main())


def test_a_session_ends_whatever_its_engines_raise():
    async def main():
        crowd = Crowd()
        session = crowd.call().session
        closed = []

        def refuse():
            raise RuntimeError("the connection is gone")

        session._input.asr.close = session._input.vad.close = refuse
        for stream in (session._llm, session._tts, session._input.turn):
            stream.close = lambda stream=stream: closed.append(stream)
        with pytest.raises(RuntimeError):
            session.close()
        assert set(closed) == {session._llm, session._tts, session._input.turn}
        assert session.state.closed

    run_virtual(main())
