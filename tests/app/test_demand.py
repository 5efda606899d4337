"""What a conversation asks for under each configuration: the steps that its engines really offer."""

import pytest
from crowd import Crowd

from voiceagent.app.capacity.demand import demand
from voiceagent.app.settings import load_settings
from voiceagent.scheduler.admission import simulate
from voiceagent.scheduler.costs import CostModel, lane_of
from voiceagent.testing import run_virtual


def asked(name, *sets):
    return demand(load_settings(name, list(sets)).settings)


def lanes(of):
    return {lane_of(work.key) for work in of.works()}


@pytest.mark.parametrize(
    "name",
    [
        "cpu.yaml",
        "laptop.yaml",
        "qwen.yaml",
        "qwen-small.yaml",
        "rtx5090.yaml",
        "spark.yaml",
        "vllm.yaml",
        "scripted.yaml",
    ],
)
def test_what_every_configuration_asks_for_can_be_foreseen(name) -> None:
    forecast = simulate(2, asked(name), CostModel(), 2, questions=4)
    assert len(forecast.waits_s) > 2
    assert forecast.wait_s(0) > 0


def test_a_stage_asks_one_lane() -> None:
    for name in ("cpu.yaml", "spark.yaml"):
        found = asked(name)
        for stage in (
            found.transcript,
            found.judgement,
            found.prompt,
            found.first_text,
            found.first_sound,
            found.sound,
        ):
            assert len({lane_of(work.key) for work in stage}) == 1


def test_a_remote_language_model_asks_nothing_of_this_machine() -> None:
    assert "llm" not in lanes(asked("vllm.yaml"))
    assert "llm" in lanes(asked("cpu.yaml"))


def test_silence_alone_asks_no_turn_detector() -> None:
    found = asked("cpu.yaml", "turn.engine=silence", "turn.silence_ms=700")
    assert "turn" not in lanes(found)
    assert found.stop_s == pytest.approx(0.7, abs=0.04)


def test_long_prompts_are_read_in_as_many_steps_as_they_take() -> None:
    (few,) = asked("cpu.yaml", "llm.prefill_tokens=64").prompt
    (many,) = asked("cpu.yaml", "llm.prefill_tokens=8").prompt
    assert few.key[1] * few.times <= many.key[1] * many.times < few.key[1] * few.times + many.times
    assert many.times > few.times


def test_replies_share_steps_on_a_gpu_and_take_turns_on_a_cpu() -> None:
    assert asked("cpu.yaml").text[0].share == 1
    assert asked("spark.yaml").text[0].share > 1


def test_without_partials_nothing_is_transcribed_before_the_end_and_more_then() -> None:
    with_them, without = asked("cpu.yaml"), asked("cpu.yaml", "asr.partials=false")
    assert len(with_them.listening) == len(without.listening) + 1
    assert sum(work.times for work in without.transcript) > sum(work.times for work in with_them.transcript)


def test_the_scripted_conversation_asks_for_the_steps_that_the_scripted_engines_run() -> None:
    async def scene():
        crowd = Crowd()
        caller = crowd.call()
        await caller.speaks(1.5)
        await caller.listens(6.0)
        return {record.key[0] for record in crowd.steps.since(0.0)}

    kinds = {work.key[0] for work in asked("scripted.yaml", "turn.engine=silence").works()}
    assert kinds <= run_virtual(scene())


def test_a_conversation_that_is_too_long_is_read_anew_now_and_then() -> None:
    def tokens_a_question(*sets):
        found = asked("cpu.yaml", *sets)
        return sum(work.key[1] * work.times for work in found.rereading) / found.reread_every

    by_turns = tokens_a_question("session.history_turns=6")
    assert 40 < by_turns < 80, "about as much again as is said"
    assert tokens_a_question("session.history_turns=1000") == pytest.approx(by_turns, rel=0.4), "by its length"
    assert asked("cpu.yaml", "session.history_turns=1000").reread_every > asked("cpu.yaml").reread_every
    assert asked("cpu.yaml", "session.history_turns=0").reread_every == 1
    assert asked("vllm.yaml").rereading == asked("scripted.yaml").rereading == ()
