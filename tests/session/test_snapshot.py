"""A line breaks, and the conversation goes on in another session: from data alone, at the next unheard word."""

import pytest
from tool_talk import Model, slow_tool

from voiceagent.engines.llm.contract import Message
from voiceagent.errors import VoiceAgentError
from voiceagent.session.call_round import LOST
from voiceagent.session.history import GO_ON
from voiceagent.session.reports import ResponseStarted
from voiceagent.session.snapshot import Place, dumps, loads
from voiceagent.testing import Callers, run_virtual

STORY = (
    "Once upon a time there was a fox in the forest. It had one hundred and twenty children, and none of them was "
    "afraid of the wolf. One day the wolf came to their door and knocked three times."
)
WORDS = STORY.split()
SETS = ("session.greeting=''", "session.idle_s=0")


class Recall:
    """A model that tells a story, and goes on with what it has not told of it."""

    def __init__(self):
        self.prompts = []

    def __call__(self, messages):
        self.prompts.append(messages)
        if messages[-1].content == GO_ON:
            told = messages[-2].content.split()
            assert told == WORDS[: len(told)]
            return " ".join(WORDS[len(told) :])
        return STORY if "story" in messages[-1].content else "That was all."


def line_breaks(scene, *, sets=SETS, tools=(), llm=None):
    """Hold a scene with callers of a model; `scene(callers, model)`."""
    model = llm or Recall()

    async def main():
        with Callers("scripted.yaml", sets, llm=model, tools=tools) as callers:
            await scene(callers, model)

    run_virtual(main())


def broken(caller):
    """The line breaks: return what is left of the conversation."""
    kept = dumps(caller.session.snapshot())
    caller.hangs_up()
    return loads(kept)


def comes_back(callers, kept):
    return callers.call(kept.session, past=kept)


def said(caller):
    return [(item.role, item.text) for item in caller.session.items]


@pytest.mark.parametrize("after_s", [0.02, 0.3, 0.9, 1.7, 2.6, 3.5, 4.9, 6.0, 7.5, 9.0, 10.5])
def test_wherever_a_line_breaks_the_answer_goes_on_with_the_word_that_was_cut(after_s):
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story", wait=0.0)
        await first._until(lambda: first.ear.audible, "begun")
        await first.listens(after_s)
        heard = first.heard.split()
        second = comes_back(callers, broken(first))
        await second._until(lambda: second.at_rest, "finished")
        again = second.heard.split()
        assert heard == WORDS[: len(heard)]
        assert again == WORDS[max(0, len(heard) - 1) :]
        assert said(second) == [("user", "tell me a story"), *[("assistant", text) for _, text in said(second)[1:]]]
        assert " ".join(text for _, text in said(second)[1:]).split() == WORDS
        await second.says("and then", wait=None)
        spoken = [message.content for message in model.prompts[-1] if message.role != "system"]
        assert spoken[0] == "tell me a story"
        assert spoken[1].split() == WORDS

    line_breaks(scene)


def test_the_session_keeps_its_name_its_turns_and_its_generations():
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story")
        kept = broken(first)
        assert kept.session == first.session.id
        second = comes_back(callers, kept)
        await second.says("and then")
        assert second.session.id == first.session.id
        assert [item.id for item in second.session.items] == ["turn_1", "response_1", "turn_2", "response_2"]
        assert second.heard == "That was all."

    line_breaks(scene)


def test_nobody_is_greeted_twice():
    async def scene(callers, model):
        first = callers.call()
        await first._until(lambda: first.at_rest, "greeted")
        second = comes_back(callers, broken(first))
        await second.listens(3.0)
        assert (first.heard, second.heard) == ("Welcome.", "")

    line_breaks(scene, sets=("session.greeting=Welcome.", "session.idle_s=0"))


def test_what_the_user_was_saying_is_answered():
    async def scene(callers, model):
        first = callers.call()
        await first.utters("tell me a story")
        await first.listens(0.3)
        assert first.session.items == ()
        kept = broken(first)
        assert kept.saying == "tell me a story"
        second = comes_back(callers, kept)
        await second._until(lambda: second.at_rest, "answered")
        assert second.heard.split() == WORDS
        assert said(second) == [("user", "tell me a story"), ("assistant", STORY)]

    line_breaks(scene)


def test_an_answer_that_the_model_had_not_begun_is_made():
    async def scene(callers, model):
        first = callers.call()
        first.session.type("tell me a story")
        kept = broken(first)
        assert kept.unanswered
        second = comes_back(callers, kept)
        await second._until(lambda: second.at_rest, "answered")
        assert second.heard.split() == WORDS

    line_breaks(scene)


def test_a_tool_whose_result_is_lost_is_told_to_the_model_as_such():
    model = Model()

    async def scene(callers, model):
        first = callers.call()
        await first.says("what is the weather like in Rome", wait=3.0)
        second = comes_back(callers, broken(first))
        await second._until(lambda: second.at_rest, "answered")
        assert second.heard == f"It is {LOST}"
        assert [message.content for message in model.prompts[-1] if message.role == "tool"] == [LOST]

    line_breaks(scene, llm=model, tools=[slow_tool(60.0)], sets=(*SETS, "session.tool_filler=''"))


def test_a_client_that_heard_less_hears_the_rest_even_of_an_answer_that_seemed_over():
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story")
        kept = broken(first)
        (answer,) = first.of(ResponseStarted)
        pieces = kept.answer.pieces
        place = Place(answer.generation, 1, 2)
        second = comes_back(callers, kept.heard_until(place))
        await second._until(lambda: second.at_rest, "finished")
        known = len(pieces[0].words) + 3
        assert second.heard.split() == WORDS[known - 1 :]
        assert said(second)[1][1].split() == WORDS[: known - 1]

    line_breaks(scene)


@pytest.mark.parametrize("place", [Place(9, 0, 0), Place(1, 99, 99)])
def test_a_place_behind_all_that_was_said_leaves_nothing_to_say(place):
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story")
        kept = broken(first)
        assert kept.heard_until(place) == kept

    line_breaks(scene)


def test_a_client_may_have_heard_more_than_was_saved_last():
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story", wait=3.0)
        saved = first.session.snapshot()
        await first.listens(2.0)
        (place,) = [Place(1, 1, 2)]
        known = len(saved.answer.pieces[0].words) + 3
        assert len(first.heard.split()) >= known > sum(saved.answer.heard)
        first.hangs_up()
        second = comes_back(callers, saved.heard_until(place))
        await second._until(lambda: second.at_rest, "finished")
        assert second.heard.split() == WORDS[known - 1 :]

    line_breaks(scene)


def test_what_was_interrupted_is_not_said_again():
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story", wait=0.0)
        await first.interrupts("and then what happened", after_s=2.0)
        kept = broken(first)
        second = comes_back(callers, kept.heard_until(Place(1, 0, 0)))
        await second.listens(5.0)
        assert second.heard == "" or second.heard == "That was all."
        assert "wolf" not in second.heard

    line_breaks(scene)


def test_pinned_facts_notes_and_wishes_are_kept():
    async def scene(callers, model):
        first = callers.call()
        first.session.pin("The caller is called Ada.")
        first.session.remember("user", "I like foxes.")
        await first.says("tell me a story", wait=1.0)
        first.session.say("By the way, it rains.")
        second = comes_back(callers, broken(first))
        await second._until(lambda: second.at_rest, "finished")
        assert second.heard.endswith("knocked three times. By the way, it rains.")
        assert second.session.remember("user", "I like wolves.") == "note_2"
        await second.says("and then")
        assert "Ada" in model.prompts[-1][0].content

    line_breaks(scene)


def test_text_that_is_no_snapshot_is_refused():
    with pytest.raises(VoiceAgentError, match="cannot be read"):
        loads(b'{"session": 3}')


def test_a_snapshot_is_data():
    async def scene(callers, model):
        first = callers.call()
        await first.says("tell me a story", wait=2.0)
        kept = first.session.snapshot()
        assert loads(dumps(kept)) == kept
        assert isinstance(kept.past.items[0].messages[0], Message)

    line_breaks(scene)
