"""What people write who test an agent of their own: it is heard, counted and remembered as in a real conversation."""

import asyncio
from functools import partial

import pytest

from voiceagent import Agent, VoiceAgentError, tool
from voiceagent.app.settings import load_settings
from voiceagent.engines.timing import Timing
from voiceagent.session.reports import EngineFailed, FloorChanged, ResponseEnded, ToolUsed
from voiceagent.testing import Conversation, run_virtual, tool_call

QUIET = ("session.greeting=''", "session.idle_s=0")
STORY = "The sea is deep. It is full of fish. Some of them shine in the dark. Nobody knows them all."


@tool(timeout_s=5)
async def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}, 21 degrees."


def converse(scene, *sets, **options):
    """Play a scene in a conversation with an agent that does not speak of its own accord."""

    async def main():
        async with Conversation("scripted.yaml", [*QUIET, *sets], **options) as talk:
            await scene(talk)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing goes on after it"

    run_virtual(main())


def test_a_question_is_answered_with_what_a_tool_says():
    async def main():
        async with Conversation("scripted.yaml", tools=[weather]) as talk:
            await talk.says("what is the weather in Rome?")
            assert "Sunny" in talk.heard
            assert [used.running for used in talk.of(ToolUsed)] == [True, False]

    run_virtual(main())


def test_the_agent_hears_exactly_the_words_that_are_said():
    async def scene(talk):
        for words in ("Is it true?", "A sentence of no fewer than nine words, it seems.", "yes"):
            await talk.says(words)
            assert talk.turns[-1].user_text == words

    converse(scene)


def test_what_is_heard_is_spoken_and_what_is_recorded_is_written():
    async def scene(talk):
        await talk.says("how old is she")
        assert talk.heard == "She is twenty-one."
        assert talk.turns[0].agent_text == "She is 21."

    converse(scene, llm=lambda messages: "She is 21.")


def test_a_sentence_with_a_pause_in_it_is_one_turn():
    async def scene(talk):
        await talk.says("tell me something", wait=0.4)
        await talk.says("about the sea")
        assert [turn.user_text for turn in talk.turns] == ["tell me something about the sea"]

    converse(scene, "turn.engine=smart_turn", turn=[0.05, 0.95])


def test_who_says_something_lets_the_agent_finish_first():
    async def main():
        async with Conversation("scripted.yaml", ["session.greeting='Hello, I am Robin.'"]) as talk:
            await talk.says("hello")
            greeting, answer = talk.of(ResponseEnded)
            assert greeting.outcome.value == answer.outcome.value == "completed"
            assert talk.heard.startswith("Hello, I am Robin. You said: hello.")

    run_virtual(main())


def test_an_interrupted_agent_was_heard_as_far_as_it_remembers():
    prompts = []

    def reply(messages):
        prompts.append([message.content for message in messages])
        return STORY if len(messages) == 2 else "Fine."

    async def scene(talk):
        await talk.says("tell me a story", wait=0.0)
        await talk.interrupts("that is enough now", after_s=2.0)
        first = talk.of(ResponseEnded)[0]
        assert first.outcome.value == "interrupted"
        *_, remembered, question = prompts[-1]
        assert question == "that is enough now"
        assert talk.heard == f"{remembered} Fine."
        assert 0 < len(remembered) < len(STORY)
        assert STORY.startswith(remembered)
        assert talk.said != talk.heard

    converse(scene, llm=reply)


def test_who_interrupts_an_agent_that_has_finished_is_told_so():
    async def scene(talk):
        await talk.says("hello", wait=0.0)
        with pytest.raises(VoiceAgentError, match="had finished before the caller said 'stop'"):
            await talk.interrupts("stop", after_s=20.0)

    converse(scene)


def test_an_agent_that_does_not_come_to_an_end_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("voiceagent.testing.caller.ANSWER_WITHIN_S", 30.0)

    async def scene(talk):
        with pytest.raises(VoiceAgentError, match="has not finished its answer, within 30 s"):
            await talk.says("go on")

    endless = " ".join(f"and then comes number {number}" for number in range(70))
    converse(scene, "llm.session_tokens=8000", "llm.max_tokens=4000", llm=lambda messages: endless)


def test_typed_words_are_answered_and_a_sound_without_words_is_not():
    async def scene(talk):
        await talk.says("hello")
        await talk.types("and this is typed")
        assert "and this is typed" in talk.heard
        await talk.speaks(2.0)
        await talk.listens(8.0)
        assert len(talk.turns) == 2

    converse(scene)


def test_sounds_a_recognisers_script_knows_need_no_words():
    async def scene(talk):
        await talk.speaks(1.0)
        await talk.listens(6.0)
        assert talk.turns[0].user_text == "one two three"

    converse(scene, asr=["one two three four"])


def test_a_voice_that_is_too_slow_is_heard_to_break_off():
    silences = {}

    async def scene(talk, costs):
        await talk.says("tell me a story")
        assert talk.heard == STORY
        silences[costs] = talk.silences

    fast, slow = Timing(), Timing(tts_segment_s=0.8)
    for costs in (fast, slow):
        converse(partial(scene, costs=costs), llm=lambda messages: STORY, costs=costs)
    assert silences[fast] == []
    assert len(silences[slow]) > 5
    assert all(0.1 < silence_s < 0.5 for silence_s in silences[slow])


def test_reports_come_with_their_times_and_in_order():
    async def scene(talk):
        await talk.says("hello")
        assert [floor.holder.value for floor in talk.of(FloorChanged)] == ["user", "thinking", "agent", "none"]
        times = [reported.at for reported in talk.reports]
        assert times == sorted(times)
        assert talk.sounds[0].start == pytest.approx(talk.turns[0].marks["first_packet"], abs=0.02)

    converse(scene)


def test_nothing_is_left_of_what_is_cleared():
    async def scene(talk):
        await talk.says("hello")
        talk.clear()
        assert (talk.heard, talk.said, talk.reports, talk.turns, talk.sounds) == ("", "", [], [], [])
        await talk.says("again")
        assert talk.heard == "You said: again. That was turn two."

    converse(scene)


def test_an_ordinary_function_is_a_tool_as_well_and_what_it_raises_is_told_to_the_model():
    def book(table: int) -> str:
        """Book a table."""
        if table > 4:
            raise ValueError("there are four tables")
        return f"Table {table} is yours."

    async def scene(talk):
        await talk.says("please book table 3")
        assert talk.heard == "Table three is yours."
        await talk.says("please book table 7")
        assert talk.heard.endswith("Error: there are four tables")

    converse(scene, tools=[book])


def test_a_model_calls_the_tools_that_its_script_says():
    def reply(messages):
        if messages[-1].role == "tool":
            return f"I looked: {messages[-1].content}"
        return f"One moment. {tool_call('weather', city='Oslo')}"

    async def scene(talk):
        await talk.says("is it nice outside")
        assert talk.heard == "One moment. I looked: Sunny in Oslo, twenty-one degrees."

    converse(scene, tools=[weather], llm=reply)


def test_a_script_that_raises_fails_the_answer_and_the_agent_apologises():
    def reply(messages):
        raise KeyError("nothing")

    async def scene(talk):
        await talk.says("hello")
        assert talk.of(EngineFailed)[0].engine == "llm"
        assert "something went wrong" in talk.heard

    converse(scene, llm=reply)


def test_an_agent_brings_its_prompt_its_tools_and_its_rules():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return tool_call("weather", city="Rome") if messages[-1].role == "user" else messages[-1].content

    agent = Agent("scripted.yaml", system_prompt="You are a weather frog.", greeting="Quak.", tools=[weather])

    async def main():
        async with Conversation(agent, llm=reply) as talk:
            await talk.says("how is it in Rome")
            assert talk.heard == "Quak. Sunny in Rome, twenty-one degrees."
            assert prompts[0][0].content.startswith("You are a weather frog.")

    run_virtual(main())
    agent.close()


@pytest.mark.parametrize("name", ["cpu.yaml", "spark.yaml", "vllm.yaml"])
def test_every_configuration_can_be_talked_to_without_its_models(name):
    async def main():
        async with Conversation(load_settings(name).settings) as talk:
            await talk.says("hello there, can you hear me?")
            assert "You said: hello there, can you hear me?" in talk.heard

    run_virtual(main())


def test_words_cannot_be_said_to_a_recogniser_that_listens():
    class Deaf:
        """A recogniser that is no script."""

        lane = "asr"
        number = 0
        languages = ()

        def open(self, on_event):
            return self

        def ignore(self, *args):
            return None

        bind = push = pending = begin_speech = close = ignore

    async def scene(talk):
        with pytest.raises(VoiceAgentError, match="Only a scripted recogniser can be given words, and this is Deaf"):
            await talk.says("hello")

    converse(scene, asr=Deaf())
