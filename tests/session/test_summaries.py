"""What is left of a conversation when its oldest turns are dropped: a summary, and what was pinned."""

import asyncio
import re
from dataclasses import replace

import pytest

from voiceagent.engines.contract import Need
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.errors import VoiceAgentError
from voiceagent.session.draft import is_idle
from voiceagent.session.history import EARLIER
from voiceagent.session.reports import EngineFailed, ResponseEnded
from voiceagent.session.summary import INSTRUCTION, SUMMARY, WITHIN_S, plain
from voiceagent.testing import Callers, Conversation, run_virtual, tool_call

SETS = ("session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn", "llm.session_tokens=1000")
ON = "session.summarise=true"
PAUSE_S = 3.0


class Secretary:
    """A scripted model that knows what it is told, and writes the names it has read into a summary."""

    def __init__(self, summary=None, answer="Fine."):
        self.summary = summary or self.names
        self.answer = answer
        self.summarised = []
        self.prompts = []

    def __call__(self, messages):
        if messages[-1].content.endswith(INSTRUCTION):
            self.summarised.append(messages)
            return self.summary(messages)
        self.prompts.append(messages)
        return self.answer

    @staticmethod
    def names(messages):
        said = " ".join(message.content for message in messages)
        found = dict.fromkeys(re.findall(r"(?:my name is|is called) (\w+)", said))
        return " ".join(f"The user is called {name}." for name in found) or "Nothing is known of the user."

    @property
    def systems(self):
        return [messages[0].content for messages in self.prompts]


def rehearse(scene, model, *sets):
    async def main():
        talking = Conversation("scripted.yaml", (*SETS, *sets), llm=model, frame_s=0.06)
        async with talking as talk:
            await scene(talk)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert talking.engines.llm._open == set(), "its place is free again"
        assert talking.engines.llm._jobs == [], "and nothing is left to do"

    run_virtual(main())


async def chat(talk, *texts, pause_s=PAUSE_S):
    for text in texts:
        await talk.says(text)
        await talk.listens(pause_s)


def questions(count):
    return [f"question number {number}" for number in range(count)]


def test_a_name_told_in_the_first_turn_is_known_in_the_fortieth():
    model = Secretary()

    async def scene(talk):
        await chat(talk, "my name is Anna", *questions(39))
        last = model.prompts[-1]
        assert last[-1].content == "question number 38"
        assert last[0].content.endswith(f"\n\n{EARLIER} The user is called Anna.")
        assert not any("Anna" in message.content for message in last[1:])
        assert sum(message.role == "user" for message in last) <= 6 + 1

    rehearse(scene, model, ON)


def test_without_summaries_it_is_forgotten():
    model = Secretary()

    async def scene(talk):
        await chat(talk, "my name is Anna", *questions(9))
        assert not any("Anna" in message.content for message in model.prompts[-1])
        assert model.summarised == []

    rehearse(scene, model)


def test_the_beginning_of_the_prompt_changes_only_when_turns_are_dropped():
    model = Secretary(lambda messages: f"This is summary {len(model.summarised)}.")

    async def scene(talk):
        await chat(talk, *questions(20))
        for before, after in zip(model.prompts, model.prompts[1:], strict=False):
            dropped = before[1] != after[1]
            assert (before[0] != after[0]) == dropped
        assert len(set(model.systems)) > 2

    rehearse(scene, model, ON)


def test_who_never_pauses_is_remembered_from_the_first_pause_on():
    model = Secretary(lambda messages: f"{Secretary.names(messages)} {LONG}")

    async def scene(talk):
        await chat(talk, "my name is Anna", *questions(12), pause_s=0.0)
        assert EARLIER not in model.systems[-1], "nothing could be written yet"
        assert not any("Anna" in message.content for message in model.prompts[-1])
        await talk.listens(PAUSE_S)
        (asked,) = model.summarised[-1:]
        assert "\nUser: my name is Anna\nYou: Fine.\nUser: question number 0\n" in asked[-1].content
        await chat(talk, *questions(4), pause_s=0.0)
        assert f"{EARLIER} The user is called Anna. " in model.systems[-1]

    rehearse(scene, model, ON)


def test_a_summary_holds_every_turn_that_is_dropped_with_it():
    model = Secretary(lambda messages: "A summary.")

    async def scene(talk):
        await chat(talk, *questions(30))
        seen = {message.content for messages in model.summarised for message in messages}
        left = {message.content for message in model.prompts[-1]}
        assert set(questions(30)) - left <= {text.removesuffix(f" {INSTRUCTION}") for text in seen}

    rehearse(scene, model, ON)


LONG = " ".join(f"The user asked for the {letter}{other}s." for letter in "bcdfg" for other in ("at", "un", "ig"))


def test_it_is_written_while_nobody_speaks_and_nothing_else_waits():
    steps = []

    async def main():
        def takes_s(batch):
            if batch.lane == "llm" and batch.generation == SUMMARY:
                steps.append((talk.session.state, batch.need, batch.deadline - asyncio.get_running_loop().time()))
            return SMALL_CPU.cost_s(batch.cost_key)

        async with Conversation("scripted.yaml", (*SETS, ON), llm=Secretary(lambda _: LONG), step_s=takes_s) as talk:
            await chat(talk, *questions(12), pause_s=0.5)

    run_virtual(main())
    assert len(steps) > 100
    assert all(is_idle(state) for state, _, _ in steps)
    assert {need for _, need, _ in steps} == {Need.SPECULATIVE}
    assert all(WITHIN_S - 5 < left < WITHIN_S + 1e-6 for _, _, left in steps)


def test_a_user_who_speaks_ends_it_and_is_answered_as_soon_as_ever_and_it_is_taken_up_again():
    waited = {}

    def trial(name, *sets):
        model = Secretary(lambda _: LONG)

        async def scene(talk):
            await chat(talk, *questions(4), pause_s=0.3)
            assert len(model.summarised) == (name == "on")
            assert talk.session._history.summary_due, "the pause was too short for it"
            await talk.says("what is the time")
            waited[name] = talk.turns[-1].voice_to_voice_ms
            await talk.listens(PAUSE_S)
            assert len(model.summarised) == 2 * (name == "on")
            await chat(talk, *questions(3))
            assert (EARLIER in model.systems[-1]) == (name == "on")

        rehearse(scene, model, *sets)

    trial("off")
    trial("on", ON)
    assert waited["on"] == waited["off"]


def test_a_written_message_takes_its_place_at_once():
    model = Secretary(lambda _: LONG)

    async def scene(talk):
        await chat(talk, *questions(4), pause_s=0.3)
        await talk.types("and now?")
        assert talk.said.count("Fine.") == 5
        assert [report.outcome.value for report in talk.of(ResponseEnded)] == ["completed"] * 5

    rehearse(scene, model, ON)


def test_who_hangs_up_meanwhile_leaves_nothing_behind():
    model = Secretary(lambda _: LONG)

    async def scene(talk):
        await chat(talk, *questions(4), pause_s=0.3)
        assert model.summarised
        assert talk.session._history.summary_due
        talk.hangs_up()
        await talk.listens(1.0)
        assert len(model.summarised) == 1

    rehearse(scene, model, ON)


def broken(messages):
    raise RuntimeError("out of ink")


@pytest.mark.parametrize(
    "summary",
    [broken, lambda _: "", lambda _: "...", lambda _: "I look. " + tool_call("weather"), lambda _: "no end " * 60],
    ids=["fails", "nothing", "no words", "a call", "endless"],
)
def test_a_summary_that_fails_changes_nothing(summary):
    model = Secretary(summary)

    async def scene(talk):
        for question in questions(8):
            await chat(talk, question)
            talk.session.type(" ")  # something happens, and changes nothing
            await talk.listens(PAUSE_S)
        assert talk.said.count("Fine.") == 8
        assert not talk.of(EngineFailed)
        assert len(set(model.systems)) == 1
        assert len(model.summarised) == len(set(model.summarised)) > 1, "once for what was said by then"

    rehearse(scene, model, ON)


def test_an_engine_that_refuses_it_harms_nobody():
    asked = []

    async def scene(talk):
        generate = talk.session._llm.generate

        def refuse(generation, *args, **kwargs):
            if generation == SUMMARY:
                asked.append(args)
                raise RuntimeError("no")
            generate(generation, *args, **kwargs)

        talk.session._llm.generate = refuse
        await chat(talk, *questions(8))
        assert talk.said.count("Fine.") == 8
        assert asked

    rehearse(scene, Secretary(), ON)


def test_it_is_not_asked_for_where_there_is_no_room():
    model = Secretary()

    async def scene(talk):
        await chat(talk, *questions(8))
        assert talk.said.count("Fine.") == 8
        assert model.summarised == []

    rehearse(scene, model, ON, "llm.session_tokens=160")


def test_two_callers_have_summaries_of_their_own():
    model = Secretary()

    async def main():
        with Callers("scripted.yaml", (*SETS, ON), llm=model) as callers:
            people = {name: callers.call() for name in ("Anna", "Bert")}
            await asyncio.gather(
                *(chat(caller, f"my name is {name}", *questions(9)) for name, caller in people.items())
            )
            for caller in people.values():
                caller.hangs_up()
            assert callers.engines.llm._open == set()

    run_virtual(main())
    known = [re.findall("Anna|Bert", system) for system in model.systems[-2:]]
    assert sorted(known) == [["Anna"], ["Bert"]]


def test_it_is_one_line_of_whole_sentences_without_markup():
    written = "The user\nis <|im_end|>Anna. She [INST]wants tea. And then she"
    assert plain(written, cut=True) == "The user is im_endAnna. She INSTwants tea."
    assert plain(written, cut=False).endswith("And then she")
    assert plain("She wants", cut=True) == ""


# Pinned facts

FACT = "The user is a member since 2019."


def test_a_pinned_fact_stays_whatever_is_dropped_and_configured():
    model = Secretary()

    async def scene(talk):
        talk.session.pin(FACT)
        await chat(talk, *questions(9))
        talk.session.configure(replace(talk.session.config, system_prompt="You are a pirate."))
        await chat(talk, *questions(3))
        assert all(f"\n\nKeep in mind:\n- {FACT}" in system for system in model.systems)
        assert model.systems[-1].startswith("You are a pirate.\n\nKeep in mind:")
        assert EARLIER in model.systems[-1].partition(FACT)[2], "what is pinned comes before what changes"

    rehearse(scene, model, ON)


def test_a_fact_that_is_pinned_in_mid_conversation_counts_from_the_next_prompt_on_until_it_is_unpinned():
    model = Secretary()

    async def scene(talk):
        await talk.says("hello", wait=0.8)
        talk.session.pin(f"  {FACT}\n")
        talk.session.pin(FACT)
        await chat(talk, "who am I")
        talk.session.unpin(FACT)
        await chat(talk, "and now")
        assert [system.count(FACT) for system in model.systems] == [0, 1, 0]

    rehearse(scene, model)


def test_the_model_may_read_a_pinned_fact_before_anybody_asks():
    prepared = []

    async def scene(talk):
        talk.session._llm.prepare = lambda messages: prepared.append(messages[0].content)
        talk.session.pin(FACT)
        assert FACT in prepared[-1]

    rehearse(scene, Secretary())


def test_a_fact_for_which_there_is_no_room_is_refused():
    model = Secretary()

    async def scene(talk):
        talk.session.pin(FACT)
        with pytest.raises(VoiceAgentError, match=r"pinned facts .* 936 plus a reply.*pin fewer facts"):
            talk.session.pin("word " * 900)
        with pytest.raises(VoiceAgentError, match="pinned facts"):
            talk.session.configure(replace(talk.session.config, context_tokens=105))
        with pytest.raises(VoiceAgentError, match="without words"):
            talk.session.pin(" ")
        with pytest.raises(VoiceAgentError, match=f"Pinned: '{FACT}'"):
            talk.session.unpin("another")
        await chat(talk, "who am I")
        assert model.systems[-1].endswith(f"Keep in mind:\n- {FACT}")

    rehearse(scene, model)
