"""The scripted language model: any reply, word by word, and failures on demand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.contract import HOLD, StreamFailed
from voiceagent.engines.llm.contract import Completed, Message, Token
from voiceagent.engines.llm.scripted.engine import ScriptedLlm, echo
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract.driving import Heard, drive, said, step


def at_once(seconds: float) -> None:
    """Steps take no time."""


def test_the_echo_quotes_the_user_and_counts_the_turns() -> None:
    first = (Message("system", "Be kind."), Message("user", "My name is Ada."))
    assert echo(first) == "You said: My name is Ada. That was turn 1."
    second = (*first, Message("assistant", "Hello."), Message("user", "What is my name?"))
    assert echo(second) == "You said: What is my name? That was turn 2."


def test_the_echo_greets_when_nobody_has_spoken() -> None:
    assert echo((Message("system", "Be kind."),)).startswith("Hello")


def test_a_step_brings_a_word_and_the_first_one_none() -> None:
    engine, heard = ScriptedLlm(lambda _: "Just two", sleep=at_once), Heard()
    engine.open(heard.events.append).generate(3, said("hi"), 5.0)
    assert [batch.cost_key[0] for batch in drive(engine)] == ["llm.prefill", *["llm.decode"] * 3]
    assert heard.events == [Token(3, "Just"), Token(3, " two"), Completed(3, "stop")]


@given(reply=st.text())
def test_the_words_make_up_the_reply_to_the_letter(reply: str) -> None:
    engine, heard = ScriptedLlm(lambda _: reply, sleep=at_once), Heard()
    engine.open(heard.events.append).generate(1, said("hi"), 5.0)
    drive(engine)
    assert "".join(token.text for token in heard.of(Token)) == reply


def test_a_reply_on_hold_goes_on_where_it_stopped() -> None:
    engine, heard = ScriptedLlm(lambda _: "one two three", sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    stream.generate(1, said("hi"), 5.0)
    step(engine)
    step(engine)
    stream.reschedule(1, HOLD)
    assert step(engine) is None
    stream.reschedule(1, 6.0)
    drive(engine)
    assert [token.text for token in heard.of(Token)] == ["one", " two", " three"]


def test_it_fails_at_the_scripted_token_and_is_well_again_when_told() -> None:
    engine, heard = ScriptedLlm(lambda _: "one two three", fail_at=2, sleep=at_once), Heard()
    stream = engine.open(heard.events.append)
    stream.generate(1, said("hi"), 5.0)
    drive(engine)
    assert heard.events[0] == Token(1, "one")
    assert isinstance(heard.events[1], StreamFailed)
    assert "token 2" in str(heard.events[1].error)
    engine.fail_at = None
    stream.generate(2, said("hi"), 5.0)
    drive(engine)
    assert heard.events[-1] == Completed(2, "stop")
    assert len(heard.events) == 2 + 4


def test_a_reply_that_cannot_be_written_fails_the_prefill() -> None:
    def reply(messages: tuple[Message, ...]) -> str:
        raise ValueError("speechless")

    engine, heard = ScriptedLlm(reply, sleep=at_once), Heard()
    engine.open(heard.events.append).generate(1, said("hi"), 5.0)
    drive(engine)
    assert [event.tag for event in heard.of(StreamFailed)] == [1]


def test_a_caller_too_many_is_told_so_until_another_hangs_up() -> None:
    engine = ScriptedLlm(sequences=1, sleep=at_once)
    stream = engine.open(Heard().events.append)
    with pytest.raises(VoiceAgentError, match="end a session"):
        engine.open(Heard().events.append)
    stream.close()
    stream.close()
    engine.open(Heard().events.append)


def test_a_message_counts_its_words_and_its_frame() -> None:
    engine = ScriptedLlm()
    assert engine.count_tokens(()) == 0
    assert engine.count_tokens((Message("user", "three words here"),)) == 3 + 4
