"""The other examples, each in a conversation in virtual time (an engine and a door have tests of their own)."""

import own_engine
import pytest
import tools as waiter
from events import agent as timer
from hello import agent as hello

from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.testing import Conversation, run_virtual, tool_call


def test_hello_calls_its_tool_and_prints_the_turn(capsys: pytest.CaptureFixture[str]) -> None:
    def reply(messages):
        if messages[-1].role == "tool":
            return messages[-1].content
        return tool_call("weather", city="Rome")

    async def main() -> None:
        async with Conversation(hello, llm=reply) as talk:
            await talk.listens(3.0)
            await talk.says("what is the weather in Rome")
            assert talk.heard.endswith("Sunny in Rome, twenty-one degrees.")
            await talk.listens(0.1)

    run_virtual(main())
    assert "what is the weather in Rome -> Sunny in Rome, 21 degrees. " in capsys.readouterr().out


def test_the_waiter_takes_an_order_though_it_is_interrupted() -> None:
    def reply(messages):
        if messages[-1].role == "tool":
            return messages[-1].content
        return tool_call("order", dish="soup", portions=2) if "soup" in messages[-1].content else "Anything else?"

    async def main() -> None:
        async with Conversation(waiter.agent, llm=reply) as talk:
            await talk.listens(4.0)
            await talk.says("two soups please")
            assert "One moment, please." in talk.heard
            assert "It takes twenty minutes." in talk.heard

    run_virtual(main())
    assert waiter.ORDERS == ["2 x soup"]


def test_the_timer_rings_unasked(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    def reply(messages):
        if messages[-1].role == "tool":
            return "Four minutes, then."
        return tool_call("set_timer", minutes=4, purpose="tea")

    async def main() -> None:
        async with Conversation(timer, llm=reply) as talk:
            await talk.listens(3.0)
            await talk.says("time my tea for four minutes")
            await talk.listens(245.0)
            assert "Your tea is ready." in talk.heard

    run_virtual(main())


def test_the_voice_that_is_handed_in_speaks_morse_code() -> None:
    heard: list[SpeechAudio] = []
    voice = own_engine.agent.settings.tts.instance
    voice.open(heard.append).speak(1, 0, "E", 0.0)
    while batch := voice.pending(0.0):
        voice.deliver(batch, voice.run(batch))
    assert [word.text for word in heard[0].words] == ["E"]
    dit = round(voice.sample_rate * 60 / 50 / 25)
    sounding = abs(heard[0].pcm) > 0.01
    assert sounding[:dit].mean() > 0.9
    assert not sounding[dit:].any()
