"""What is remembered of conversations by text: what fits the model, for a while, and no more than some."""

import asyncio

from voiceagent.doors.wyoming.conversations import CHARS_PER_TOKEN, LASTS_S, MOST, Conversations
from voiceagent.scheduler.virtual import run_virtual

PROMPT = "Be brief."


def said(conversations, name, text="Next?"):
    """Return what the model is given, without the prompt."""
    system, *rest = conversations.messages(name, PROMPT, text)
    assert (system.role, system.content) == ("system", PROMPT)
    return [message.content for message in rest]


def virtual(test):
    async def main():
        await test()

    run_virtual(main())


def test_each_conversation_has_its_own_turns_oldest_first_and_no_more_than_so_many():
    async def test():
        conversations = Conversations(2, 1000)
        for number in range(3):
            conversations.add("kitchen", f"Q{number}", f"A{number}")
        conversations.add("hall", "Other?", "Yes.")
        assert said(conversations, "kitchen") == ["Q1", "A1", "Q2", "A2", "Next?"]
        assert said(conversations, "hall") == ["Other?", "Yes.", "Next?"]
        assert said(conversations, "attic") == ["Next?"]

    virtual(test)


def test_where_no_turns_are_to_be_shown_none_are():
    async def test():
        conversations = Conversations(0, 1000)
        conversations.add("kitchen", "Q", "A")
        assert said(conversations, "kitchen") == ["Next?"]

    virtual(test)


def test_the_oldest_turns_are_left_out_where_not_all_fit():
    async def test():
        room = len(PROMPT + "Next?") + 31
        conversations = Conversations(6, room // CHARS_PER_TOKEN)
        conversations.add("kitchen", "Q" * 60, "A")
        conversations.add("kitchen", "Q" * 30, "A")
        assert room % CHARS_PER_TOKEN == 0
        assert said(conversations, "kitchen") == ["Q" * 30, "A", "Next?"]

    virtual(test)


def test_a_conversation_is_forgotten_after_a_while_or_when_there_are_too_many():
    async def test():
        conversations = Conversations(6, 1000)
        conversations.add("old", "Q", "A")
        await asyncio.sleep(LASTS_S - 1)
        conversations.add("new", "Q", "A")
        assert len(said(conversations, "old")) == 3
        await asyncio.sleep(2)
        assert said(conversations, "old") == ["Next?"]
        for number in range(MOST):
            conversations.add(str(number), "Q", "A")
        assert said(conversations, "new") == ["Next?"]
        assert len(said(conversations, "0")) == 3

    virtual(test)
