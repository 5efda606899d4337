"""Whole conversations in virtual time: real coordinator, scheduler, playout and machine; scripted models."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from voiceagent.engines.llm.contract import Completed
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.session.reports import AgentPaused, AgentResumed, EngineFailed, ResponseEnded
from voiceagent.testing import Conversation, run_virtual
from voiceagent.testing.sound import voice

REAL = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
QUESTION = "please tell me something about the deep blue sea"
LONG_REPLY = "The sea is deep. It is full of fish. Some of them shine in the dark. Nobody knows them all."


def rehearse(scene, *sets, greeting="", **scripts):
    async def main():
        scripts.setdefault("asr", [QUESTION])
        settings = [f"session.greeting={greeting!r}", "session.idle_s=0", "turn.engine=smart_turn", *sets]
        async with Conversation("scripted.yaml", settings, **scripts) as talk:
            await scene(talk)
        before = asyncio.all_tasks()
        assert before == {asyncio.current_task()}, "a session leaves no task behind"

    run_virtual(main())


def outcomes(talk):
    return [report.outcome.value for report in talk.of(ResponseEnded)]


def test_a_question_is_answered_within_half_a_second_of_virtual_time():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert outcomes(talk) == ["completed"]
        (trace,) = talk.turns
        assert trace.user_text == QUESTION
        assert trace.speculation == "used"
        assert trace.voice_to_voice_ms < 500

    rehearse(scene)


def test_the_agent_does_not_begin_while_the_user_may_be_about_to():
    async def scene(talk):
        may_begin = talk.session.playout.may_begin
        assert may_begin()
        talk.session.hear(voice(0.032))
        await asyncio.sleep(0.01)
        assert not may_begin()
        talk.session.hear(np.zeros(512, np.float32))
        await asyncio.sleep(0.01)
        assert may_begin(), "it was a click"
        talk.session.hear(voice(0.032))
        await asyncio.sleep(0.15)
        assert may_begin(), "nothing more comes of the microphone"

    rehearse(scene)


def test_preparing_early_is_what_makes_it_fast():
    async def scene(talk, waits):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        waits.append(talk.turns[0].voice_to_voice_ms)

    early, late = [], []
    patient = "vad.stop_ms=400"  # the longer one waits for the end, the more can be ready by then
    rehearse(lambda talk: scene(talk, early), patient)
    rehearse(lambda talk: scene(talk, late), patient, "llm.preemptive=false")
    assert early[0] < late[0] - 150


def test_the_second_turn_remembers_the_first():
    seen = []

    def reply(messages):
        seen.append([message.content for message in messages])
        return "Fine."

    async def scene(talk):
        for _ in range(2):
            await talk.speaks(3.0)
            await talk.listens(4.0)
        assert seen[-1][1:] == ["one two three", "Fine.", "four five six"]

    rehearse(scene, asr=["one two three", "four five six"], llm=reply)


def test_an_interrupted_response_is_remembered_up_to_the_last_heard_word():
    seen = []

    def reply(messages):
        seen.append([message.content for message in messages])
        return LONG_REPLY

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.0)
        await talk.speaks(3.0)
        assert talk.silent_s >= 2.5
        await talk.listens(1.0)
        end = talk.of(ResponseEnded)[0]
        assert end.outcome.value == "interrupted"
        remembered = seen[-1][2]
        assert LONG_REPLY.startswith(remembered)
        assert 0 < len(remembered.split()) == end.heard_words < len(LONG_REPLY.split())

    rehearse(scene, llm=reply)


def test_speech_silences_the_agent_within_a_fifth_of_a_second():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.0)
        onset = asyncio.get_running_loop().time()
        await talk.speaks(1.0)
        assert talk.sounds[-1].end - onset < 0.2

    rehearse(scene, llm=lambda messages: LONG_REPLY)


def test_a_cough_pauses_the_agent_who_then_finishes():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.0)
        await talk.speaks(0.16)
        await talk.listens(12.0)
        assert len(talk.of(AgentPaused)) == 1
        assert len(talk.of(AgentResumed)) == 1
        assert outcomes(talk) == ["completed"]
        assert talk.of(ResponseEnded)[0].heard_words == len(LONG_REPLY.split())

    rehearse(scene, llm=lambda messages: LONG_REPLY)


def test_a_speaker_who_goes_on_in_mid_thought_is_answered_once():
    async def scene(talk):
        await talk.speaks(1.5)
        await talk.listens(0.5)
        await talk.speaks(1.5)
        await talk.listens(8.0)
        assert len(talk.turns) == 1
        assert talk.turns[0].user_text == QUESTION
        assert talk.turns[0].speculations_dropped >= 1

    rehearse(scene, turn=[0.05, 0.95])


def test_a_turn_that_never_sounds_finished_is_answered_after_a_bounded_wait():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert talk.turns[0].voice_to_voice_ms <= 1_200 + 100

    rehearse(scene, "turn.max_wait_ms=1200", turn=[0.0])


def test_sentences_are_a_quarter_of_a_second_apart():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(14.0)
        gaps = [later.start - earlier.end for earlier, later in pairwise(talk.sounds)]
        assert len(gaps) == 3
        assert all(0.2 <= gap <= 0.32 for gap in gaps)

    rehearse(scene, llm=lambda messages: LONG_REPLY)


def test_typed_words_are_answered_too():
    async def scene(talk):
        talk.session.type("hello there")
        await talk.listens(6.0)
        assert outcomes(talk) == ["completed"]
        assert "hello there" in talk.said
        assert talk.turns[0].voice_to_voice_ms is None
        assert talk.turns[0].speculation == "none"

    rehearse(scene)


def test_the_agent_asks_once_whether_anybody_is_there():
    async def scene(talk):
        await talk.listens(60.0)
        assert outcomes(talk) == ["completed", "completed"]
        assert "Hello" in talk.said
        assert "still there" in talk.said

    rehearse(scene, "session.idle_s=10", greeting="Hello.")


@pytest.mark.parametrize("engine", ["llm", "tts"])
def test_an_engine_that_throws_in_mid_response_is_apologised_for_and_the_session_lives(engine):
    broken = {"llm": ScriptedLlm(lambda m: LONG_REPLY, fail_at=9, **REAL), "tts": ScriptedTts(fail_at=3, **REAL)}[
        engine
    ]

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(2.0)
        broken.fail_at = None
        await talk.listens(10.0)
        await talk.speaks(3.0)
        await talk.listens(12.0)
        assert outcomes(talk)[0] == "failed"
        assert outcomes(talk)[-1] == "completed"
        assert talk.of(EngineFailed)
        assert len(talk.turns) == 2

    rehearse(scene, **{engine: broken})


def test_a_failure_is_said_in_words():
    llm = ScriptedLlm(fail_at=1, **REAL)

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert "something went wrong" in talk.said

    rehearse(scene, llm=llm)


def test_an_empty_reply_is_a_failure_and_not_a_silence():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert "something went wrong" in talk.said

    rehearse(scene, llm=lambda messages: "**")


def test_a_reply_that_ran_out_of_tokens_ends_with_its_last_whole_sentence():
    class ShortOfTokens(ScriptedLlm):
        def deliver(self, batch, results):
            if isinstance(getattr(results.event, "event", None), Completed):
                cut = Completed(results.event.event.generation, "length")
                results = replace(results, event=replace(results.event, event=cut))
            super().deliver(batch, results)

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert outcomes(talk) == ["completed"]
        assert talk.said == "This is whole."

    rehearse(scene, llm=ShortOfTokens(lambda messages: "This is whole. But this is not", **REAL))


def test_hanging_up_in_mid_response_ends_everything():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(2.0)
        talk.session.close()
        talk.session.close()
        await talk.listens(2.0)
        assert talk.silent_s >= 1.9
        assert outcomes(talk) == ["interrupted"]

    rehearse(scene, llm=lambda messages: LONG_REPLY)


def test_the_stop_button_silences_the_agent():
    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(3.0)
        talk.session.stop_speaking()
        await talk.listens(2.0)
        assert talk.silent_s >= 1.9
        assert outcomes(talk) == ["interrupted"]

    rehearse(scene, llm=lambda messages: LONG_REPLY)


def test_the_prompt_stays_within_its_budget_and_keeps_the_system_prompt():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return "Yes."

    llm = ScriptedLlm(reply, **REAL)

    async def scene(talk):
        for _ in range(30):
            talk.session.type("tell me more about it please")
            await talk.listens(2.0)
        count = llm.count_tokens
        assert max(count(messages) for messages in prompts) <= 200 + 10
        assert all(messages[0].role == "system" for messages in prompts)
        assert len(prompts[-1]) > 3

    rehearse(scene, "llm.session_tokens=240", "llm.max_tokens=40", llm=llm)
