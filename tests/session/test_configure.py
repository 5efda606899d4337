"""A session that is configured by itself, and otherwise in the midst of a conversation."""

from dataclasses import replace

import pytest
from listening import Listening
from test_conversation import LONG_REPLY, REAL, outcomes, rehearse
from tool_talk import WEATHER, Model, slow_tool
from tool_talk import rehearse as rehearse_tools

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.contract import ToolSpec
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reports import ToolUsed
from voiceagent.tools.contract import Tool

PIRATE = "You are a pirate."


def configure(talk, **changes):
    talk.session.configure(replace(talk.session.config, **changes))


def test_while_nobody_speaks_it_takes_effect_at_once_and_what_was_said_stays():
    model = Listening("Aye.")

    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(2.0)
        configure(talk, system_prompt=PIRATE)
        talk.session.type("and now")
        await talk.listens(2.0)
        before, after = model.prompts
        assert before[0].content != PIRATE
        assert [(message.role, message.content) for message in after] == [
            ("system", PIRATE),
            ("user", "hello"),
            ("assistant", "Aye."),
            ("user", "and now"),
        ]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_the_model_may_read_the_new_prompt_before_anybody_asks():
    class Reading(ScriptedLlm):
        def open(self, on_event):
            stream = super().open(on_event)
            stream.prepare = lambda messages: prepared.append(messages[0].content)
            return stream

    prepared = []

    async def scene(talk):
        configure(talk, system_prompt=PIRATE)
        assert prepared[-1] == PIRATE

    rehearse(scene, llm=Reading(**REAL))


def test_an_answer_under_way_is_finished_as_it_began_with_the_tools_it_was_told_of():
    model = Model()

    async def scene(talk):
        await talk.speaks(3.0)
        await talk.listens(1.0)
        assert talk.of(ToolUsed), "the tool runs"
        configure(talk, system_prompt=PIRATE, tools=())
        assert talk.session.config.system_prompt == PIRATE
        await talk.listens(8.0)
        assert outcomes(talk) == ["completed"]
        assert "sunny in Rome" in talk.said
        await talk.speaks(3.0)
        await talk.listens(8.0)
        called, answered, thanked = (messages[0] for messages in model.prompts)
        assert called == answered
        assert [spec.name for spec in called.tools] == ["weather"]
        assert (thanked.content, thanked.tools) == (PIRATE, ())
        assert any(message.role == "tool" for message in model.prompts[-1]), "what a tool did stays known"

    rehearse_tools(scene, model, slow_tool(2.0))


def test_a_turn_that_the_user_has_begun_is_answered_as_it_began():
    model = Listening("Aye.")

    async def scene(talk):
        await talk.speaks(1.0)
        configure(talk, system_prompt=PIRATE)
        await talk.speaks(1.0)
        await talk.listens(3.0)
        await talk.speaks(2.0)
        await talk.listens(3.0)
        assert [system == PIRATE for system in model.systems] == [False, True]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_a_turn_that_comes_to_nothing_does_not_keep_it_waiting():
    model = Listening("Aye.")

    async def scene(talk):
        await talk.speaks(0.15)
        configure(talk, system_prompt=PIRATE)
        assert talk.session._config.system_prompt != PIRATE
        await talk.listens(3.0)
        assert talk.session._config.system_prompt == PIRATE
        assert not model.prompts

    rehearse(scene, llm=ScriptedLlm(model, **REAL), asr=ScriptedAsr([""], **REAL))


def test_the_turn_that_interrupts_an_answer_is_the_next_turn():
    model = Listening(LONG_REPLY)

    async def scene(talk):
        talk.session.type("tell me everything")
        await talk.listens(2.0)
        configure(talk, system_prompt=PIRATE)
        await talk.speaks(2.0)
        await talk.listens(3.0)
        assert outcomes(talk)[0] == "interrupted"
        assert [system == PIRATE for system in model.systems] == [False, True]

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_the_last_of_several_changes_counts():
    model = Listening("Aye.")

    async def scene(talk):
        talk.session.type("hello")
        for prompt in ("You are a parrot.", PIRATE):
            configure(talk, system_prompt=prompt)
        configure(talk, temperature=1.0)
        await talk.listens(3.0)
        talk.session.type("and now")
        await talk.listens(3.0)
        assert model.systems[1:] == [PIRATE]
        assert talk.session.config.temperature == 1.0

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def test_a_voice_is_the_sessions_own_from_its_next_answer_on():
    spoken = []

    class Voices(ScriptedTts):
        def speak(self, generation, segment, text, voice):
            spoken.append(voice)
            return super().speak(generation, segment, text, voice)

    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(0.5)
        configure(talk, voice="high")
        await talk.listens(8.0)
        talk.session.type("and now")
        await talk.listens(8.0)
        assert set(spoken[:-1]) == {"low"}
        assert spoken[-1] == "high"

    rehearse(scene, tts=Voices(**REAL), llm=ScriptedLlm(lambda messages: "Fine.", **REAL))


def test_temperature_and_length_reach_the_model():
    asked = []

    class Options(ScriptedLlm):
        def open(self, on_event):
            stream = super().open(on_event)
            generate = stream.generate

            def noted(*args, **kwargs):
                asked.append((kwargs["options"].temperature, kwargs["options"].max_tokens))
                generate(*args, **kwargs)

            stream.generate = noted
            return stream

    async def scene(talk):
        talk.session.type("hello")
        await talk.listens(8.0)
        configure(talk, temperature=1.5, max_tokens=9)
        talk.session.type("and now")
        await talk.listens(8.0)
        assert asked == [(0.2, 64), (1.5, 9)]
        assert talk.said.endswith("The sea is deep. It is full of fish."), "the last whole sentence of nine words"

    replies = iter(["The sea is wide.", LONG_REPLY])
    rehearse(scene, llm=Options(lambda messages: next(replies), **REAL))


def test_other_turn_rules_hold_for_the_next_turn():
    async def scene(talk):
        await talk.says("Tell me about the sea.")
        await talk.listens(8.0)
        slow = replace(talk.session.config.thresholds, stop_s=0.6)
        configure(talk, thresholds=slow, rules=replace(talk.session.config.rules, stop_s=0.6))
        await talk.says("Tell me about the sea.")
        await talk.listens(8.0)
        quick_ms, slow_ms = (trace.voice_to_voice_ms for trace in talk.turns)
        assert quick_ms < 500 < 600 < slow_ms

    rehearse(scene)


def test_an_agent_may_begin_to_ask_whether_anybody_is_there():
    async def scene(talk):
        await talk.listens(30.0)
        assert not talk.said
        configure(talk, rules=replace(talk.session.config.rules, idle_s=5.0), idle_prompt="Hello?")
        await talk.listens(4.0)
        assert not talk.said
        await talk.listens(2.0)
        assert talk.said == "Hello?"

    rehearse(scene)


def test_the_history_keeps_to_the_new_limits():
    model = Listening("Aye.")

    async def scene(talk):
        for _ in range(6):
            talk.session.type("tell me more about it please")
            await talk.listens(2.0)
        configure(talk, max_turns=2)
        talk.session.type("and now")
        await talk.listens(2.0)
        assert len(model.prompts[-2]) > 8
        assert len(model.prompts[-1]) <= 2 + 2

    rehearse(scene, llm=ScriptedLlm(model, **REAL))


def own_tool(name, result):
    async def run(arguments):
        return result

    return Tool(ToolSpec(name, "Look it up.", '{"type": "object", "properties": {}}'), run)


def test_a_session_may_have_some_of_the_agents_tools_and_some_of_its_own():
    model = Model(call=WEATHER.replace("weather", "tides"))

    async def scene(talk):
        configure(talk, tools=("weather", own_tool("tides", "high at noon")))
        await talk.speaks(3.0)
        await talk.listens(8.0)
        assert [spec.name for spec in model.prompts[0][0].tools] == ["weather", "tides"]
        assert "high at noon" in talk.said
        configure(talk, tools=("weather",))
        talk.session.type("and in Rome?")
        await talk.listens(8.0)
        assert model.prompts[-1][-1].content == "Error: there is no tool tides; there are weather"

    rehearse_tools(scene, model, slow_tool(0.1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"voice": "growl"}, "no voice 'growl'. Choose one of low, high."),
        ({"tools": ("tides",)}, "no tool tides; there are weather."),
        ({"tools": ("weather", own_tool("weather", "fine"))}, "two tools called weather"),
        ({"temperature": 3.0}, "from 0 to 2, not 3.0"),
        ({"max_tokens": 0}, "from 1 to"),
        ({"max_tokens": 5000}, "from 1 to"),
        ({"system_prompt": "word " * 2000}, "shorten them"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_had_is_refused_with_what_there_is_and_changes_nothing(change, words):
    model = Model()

    async def scene(talk):
        known = talk.session.config
        with pytest.raises(VoiceAgentError) as refused:
            configure(talk, **({"system_prompt": PIRATE} | change))
        assert words in str(refused.value)
        assert talk.session.config is known
        talk.session.type("hello")
        await talk.listens(3.0)
        assert model.prompts[0][0].content.startswith(known.system_prompt)
        assert outcomes(talk) == ["completed"]

    rehearse_tools(scene, model, slow_tool(0.1))


def test_a_detector_that_is_not_there_cannot_be_asked():
    async def scene(talk):
        with pytest.raises(VoiceAgentError, match="no turn detector"):
            configure(talk, rules=replace(talk.session.config.rules, judge=True))

    rehearse(scene, "turn.engine=silence", turn=None)


def test_a_greeting_without_words_is_none():
    async def scene(talk):
        assert not talk.session.state.rules.greet
        await talk.listens(1.0)
        assert not talk.said

    rehearse(scene)
