"""A session that asks for more than its share waits for itself; the others wait for one step of it in each lane."""

import asyncio

import pytest
from crowd import TICK_S, Crowd

from voiceagent.engines.timing import SMALL_CPU
from voiceagent.testing import run_virtual

ONE_STEP_OF_EACH_S = SMALL_CPU.llm_prefill_s + SMALL_CPU.tts_segment_s
HEARD_TO_S = 2 * TICK_S
"""How finely the end of a question and the beginning of its answer are heard."""

GREEDY = "Everything, please."
LONG = " ".join(["and so on"] * 400) + "."
CALL = "<tool_call>\n<function=look_again>\n</function>\n</tool_call>"


async def talks_for_ever(call) -> None:
    """Ask for one answer without an end."""
    call.session.type(GREEDY)
    await call.listens(12.0)


async def types_for_ever(call) -> None:
    """Ask again ten times a second."""
    for _ in range(100):
        call.session.type(GREEDY)
        await call.listens(2 * TICK_S)


async def asks_for_tools(call) -> None:
    """Ask what the model answers with one call of a tool after the other, again and again."""
    for _ in range(12):
        call.session.type(f"{GREEDY} With tools.")
        await call.listens(1.0)


def waits_ms(greedy=None) -> list[float]:
    """Return how long somebody waits for two answers while another asks for too much."""

    def reply(messages):
        last = messages[-1].content
        if "tools" in last or messages[-1].role == "tool":
            return CALL
        short = "The sea is deep. It is full of fish." if len(messages) < 3 else "The sky is high. It is full of birds."
        return LONG if GREEDY in last else short

    async def scene():
        crowd = Crowd(llm=reply)
        modest, other = crowd.call(), crowd.call()
        taking = asyncio.create_task(greedy(other)) if greedy else None
        await modest.listens(1.0)
        for _ in range(2):
            await modest.speaks(1.2)
            await modest.listens(4.0)
        if taking is not None:
            taking.cancel()
        return [trace.voice_to_voice_ms for trace in modest.turns]

    return run_virtual(scene())


@pytest.mark.parametrize("greedy", [talks_for_ever, types_for_ever, asks_for_tools], ids=lambda greedy: greedy.__name__)
def test_whoever_asks_for_too_much_keeps_others_waiting_for_one_step_of_each_lane_at_most(greedy) -> None:
    alone, beside = waits_ms(), waits_ms(greedy)
    assert len(alone) == len(beside) == 2
    for alone_ms, beside_ms in zip(alone, beside, strict=True):
        assert beside_ms <= alone_ms + (ONE_STEP_OF_EACH_S + HEARD_TO_S) * 1000
