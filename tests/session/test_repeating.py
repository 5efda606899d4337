"""A model that falls back into an earlier answer is asked again, without that answer in sight, before it is heard."""

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.testing import Callers, run_virtual

TEA = "The best way to make a cup of green tea is to heat the water first."
SETTINGS = ("session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn", "session.history_turns=20")


class Looping:
    """A model that repeats what it sees itself saying, as small ones do, and counts how often it was asked."""

    def __init__(self, *fresh: str) -> None:
        self.fresh = iter(fresh)
        self.prompts = []

    def __call__(self, messages):
        self.prompts.append(messages)
        said = [message.content for message in messages if message.role == "assistant"]
        return said[-1] if said else next(self.fresh)


def call(model, *questions, llm=None, sets=()):
    """Ask everything in one call; return the agent's answers."""
    answers = []

    async def scene():
        with Callers("scripted.yaml", (*SETTINGS, *sets), llm=llm or model) as callers:
            talk = callers.call()
            for question in questions:
                await talk.says(question)
                await talk.listens(12.0)
            answers.extend(turn.agent_text for turn in talk.turns)

    run_virtual(scene())
    return answers


def test_the_second_answer_is_not_the_first_again():
    model = Looping(TEA, "Cats like fish.", "Elephants are large.")
    said = call(model, "how do I make tea", "what do cats like", "and elephants")
    assert said == [TEA, "Cats like fish.", "Elephants are large."]
    retry, last_resort = model.prompts[2], model.prompts[-1]
    assert [message.content for message in retry if message.role != "system"] == ["what do cats like"]
    assert [message.content for message in last_resort if message.role != "system"] == ["and elephants"]


def test_a_question_asked_again_may_have_the_same_answer():
    model = Looping(TEA, "Never asked for.")
    assert call(model, "how do I make tea", "how do I make tea", "please say that again") == [TEA] * 3


def test_it_is_made_again_twice_and_then_said_as_it_is():
    asked = []
    said = call(lambda messages: asked.append(messages) or TEA, "how do I make tea", "what do cats like")
    assert said == [TEA, TEA]
    assert len(asked) == 4


def test_where_it_is_not_avoided_the_same_is_said_at_once_and_nothing_is_forgotten():
    asked = []
    questions = ("how do I make tea", "what do cats like")
    said = call(lambda messages: asked.append(messages) or TEA, *questions, sets=("llm.avoid_repeats=false",))
    assert said == [TEA, TEA]
    assert len(asked) == 2
    assert [message.content for message in asked[1][1:]] == ["how do I make tea", TEA, "what do cats like"]


def test_what_was_broken_off_may_be_begun_again():
    async def scene():
        with Callers("scripted.yaml", SETTINGS, llm=lambda messages: TEA) as callers:
            talk = callers.call()
            talk.session.type("how do I make tea")
            await talk.listens(2.0)
            talk.session.type("sorry, but go on")
            await talk.listens(12.0)
            assert [turn.outcome for turn in talk.turns] == ["interrupted", "completed"]
            assert talk.turns[1].agent_text == TEA

    run_virtual(scene())


def test_a_model_that_echoes_is_asked_again_without_its_history():
    def reply(messages):
        history = len(messages) > 2
        return messages[-1].content if history else f"Fresh words about {messages[-1].content.split()[-1]}."

    asked = ("tell me of tea", "please enter a number now", "and the mailbox is full today")
    assert call(reply, *asked) == ["Fresh words about tea.", "Fresh words about now.", "Fresh words about today."]


def test_a_short_beginning_in_common_costs_no_word():
    replies = iter(["I think so. Cats like fish.", "I think so. Dogs like bones."])
    said = call(lambda messages: next(replies), "what do cats like", "what do dogs like")
    assert said == ["I think so. Cats like fish.", "I think so. Dogs like bones."]


def test_a_closing_sentence_is_heard_once_in_a_call():
    closing = "Let me know if you need anything else."
    replies = iter([f"Cats like fish. {closing}", f"Dogs like bones. {closing}"])
    said = call(lambda messages: next(replies), "what do cats like", "what do dogs like")
    assert said == [f"Cats like fish. {closing}", "Dogs like bones."]


def test_the_model_is_told_what_was_said_and_that_it_is_another_attempt():
    class Options(ScriptedLlm):
        def open(self, on_event):
            stream = super().open(on_event)
            generate = stream.generate

            def noted(*args, options, **kwargs):
                seen.append((options.said, options.draw))
                generate(*args, options=options, **kwargs)

            stream.generate = noted
            return stream

    seen = []
    model = Options(Looping(TEA, "Cats like fish."), sleep=lambda seconds: None)
    call(None, "how do I make tea", "what do cats like", llm=model)
    assert seen == [((), 0), ((TEA,), 0), ((TEA,), 1)]
