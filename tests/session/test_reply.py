"""One reply of the model, as segments to be spoken; and models that write more than is to be heard."""

import asyncio

import pytest

from voiceagent.engines.llm.contract import Message, Token, ToolCall, ToolSpec
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reply import MAX_CALLS, Reply
from voiceagent.testing import Conversation, run_virtual
from voiceagent.text import Segmenter

ASKED = (Message("system", "Be brief.", tools=(ToolSpec("now", "", "{}"),)), Message("user", "Hello?"))


def spoken(reply: Reply, *pieces: str, cut: bool = False) -> list[str]:
    return [segment for piece in pieces for segment in reply.push(piece)] + reply.finish(cut=cut)


def test_what_is_said_is_what_is_heard() -> None:
    reply = Reply(Segmenter(), ASKED)
    assert spoken(reply, "<think>Hm.</think>", "I see. ", "Let me look *smiles*", ". And") == [
        "I see.",
        " Let me look .",
        " And",
    ]
    assert reply.said == "I see. Let me look . And"
    assert not reply.over


def test_a_reply_that_is_cut_ends_with_a_whole_sentence() -> None:
    reply = Reply(Segmenter(), ASKED)
    assert spoken(reply, "I see it. ", "It is over th", cut=True) == ["I see it."]


def test_what_turns_out_to_be_a_thought_and_is_not_spoken_yet_is_dropped() -> None:
    reply = Reply(Segmenter(), ASKED)
    assert reply.push("The user greets me. I should ") == ["The user greets me."]
    assert reply.push("greet them.\n</think>\n\nHello") == []
    assert reply.finish(cut=False) == ["Hello"]
    assert reply.said == "The user greets me.Hello"


def test_what_comes_before_a_call_does_not_wait_for_its_end() -> None:
    reply = Reply(Segmenter(), ASKED)
    assert reply.push("One moment") == []
    assert reply.push('<tool_call>{"name"') == ["One moment"]
    assert reply.push(': "now"}</tool_call>') == []
    assert reply.finish(cut=False) == []
    assert reply.calls == [ToolCall("", "now", "{}")]
    assert not reply.unreadable


def test_calls_of_the_engine_and_of_the_text_are_counted_together() -> None:
    reply = Reply(Segmenter(), ASKED)
    reply.add_calls((ToolCall("a", "now", "{}"),) * 5)
    reply.push('{"name": "now"}' * 9)
    reply.finish(cut=False)
    assert len(reply.calls) == MAX_CALLS


def test_a_call_that_cannot_be_read_is_known() -> None:
    reply = Reply(Segmenter(), ASKED)
    spoken(reply, "<tool_call>{")
    assert reply.unreadable


def test_thoughts_do_not_count_for_the_length_of_the_first_segment() -> None:
    reply = Reply(Segmenter(first_min_tokens=2, first_max_tokens=4), ASKED)
    for piece in ("<think>", *["hm "] * 9, "</think>"):
        assert reply.push(piece) == []
    assert [segment for piece in ("One", " two", " three", " four", " five") for segment in reply.push(piece)] != [
        "One"
    ]


class CountingLlm(ScriptedLlm):
    """Counts the tokens that it makes."""

    made = 0

    def open(self, on_event):  # type: ignore[no-untyped-def]
        def count(event: object) -> None:
            self.made += isinstance(event, Token)
            on_event(event)

        return super().open(count)


@pytest.mark.parametrize(
    ("written", "heard", "at_most"),
    [
        ("I am fine.\nUser: And you?\nAssistant: " + "Fine, too. " * 100, "I am fine.", 6),
        ("I am fine. That is all. " + " ".join(f"Word {n}." for n in range(200)), "I am fine.", 12),
        ("So it is. " + "I do not know why. " * 60, "So it is." + " I do not know why." * 4, 3 + 5 * 5),
        ("<think>" + "Well, let me see. " * 100, "", 2 * 4 * 6),
    ],
)
def test_a_model_that_goes_on_is_stopped_and_not_only_unheard(written: str, heard: str, at_most: int) -> None:
    model = CountingLlm(lambda messages: written, sleep=lambda seconds: None)

    async def main() -> None:
        settings = ["session.greeting=''", "session.idle_s=0", "llm.stop=['That is all']", "llm.max_tokens=500"]
        async with Conversation("scripted.yaml", [*settings, "session.failure_message=''"], llm=model) as talk:
            await talk.says("How are you?")
            await talk.listens(60.0)
            assert talk.said == heard
            assert 0 < model.made <= at_most
            before = model.made
            talk.hangs_up()
            await asyncio.sleep(1)
            assert model.made == before

    run_virtual(main())
