"""What the language model is told ahead of time: the conversation, and the user's words while they are spoken."""

import pytest

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlmStream
from voiceagent.testing import Conversation, run_virtual

QUIET = ("session.greeting=''", "session.idle_s=0", "llm.system_prompt=You are kind.")
WORDS = "tell me about the sea"


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Message, ...]]:
    """What models are told to prepare."""
    prepared: list[tuple[Message, ...]] = []
    monkeypatch.setattr(ScriptedLlmStream, "prepare", lambda _, messages: prepared.append(messages))
    return prepared


def test_a_model_is_told_the_words_while_they_are_spoken(prepared: list[tuple[Message, ...]]) -> None:
    async def main() -> None:
        async with Conversation("scripted.yaml", QUIET, asr=[WORDS]) as talk:
            prepared.clear()
            await talk.speaks(1.6)

    run_virtual(main())
    told = [messages[-1] for messages in prepared]
    assert all(message.role == "user" and WORDS.startswith(message.content.lower()) for message in told)
    assert len({message.content for message in told}) > 1, "the words do not grow"
    assert all(messages[0].content == "You are kind." for messages in prepared)
