"""Talk in virtual time with a model that calls tools: real session, scripted models, imagined tools."""

import asyncio

from voiceagent.session.reports import ResponseEnded
from voiceagent.testing import Conversation, run_virtual
from voiceagent.tools import tool

QUESTION = "what is the weather like in Rome"
FILLER = "One moment, please."


def called(name, **arguments):
    parameters = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    return f"<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>"


WEATHER = called("weather", city="Rome")


class Model:
    """A scripted model that calls tools when it is asked, and speaks of the results when it has them."""

    def __init__(self, call=WEATHER, answer="It is {}."):
        self.prompts = []
        self.call = call
        self.answer = answer

    def __call__(self, messages):
        self.prompts.append(messages)
        results = []
        for message in reversed(messages):
            if message.role != "tool":
                break
            results.insert(0, message.content)
        if results:
            return self.answer.format(" and ".join(results))
        return self.call if "Rome" in messages[-1].content else "You are welcome."


def rehearse(scene, model, *tools, sets=(), **scripts):
    async def main():
        scripts.setdefault("asr", [QUESTION, "thank you very much indeed"])
        settings = ["session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn", *sets]
        async with Conversation("scripted.yaml", settings, tools=tools, llm=model, **scripts) as talk:
            await scene(talk)
            talk.hangs_up()
            await asyncio.sleep(60)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "no call goes on for ever"

    run_virtual(main())


def slow_tool(seconds, on_interrupt="cancel", log=None):
    @tool(on_interrupt=on_interrupt)
    async def weather(city: str) -> str:
        """Look up the weather."""
        log is not None and log.append("begun")
        await asyncio.sleep(seconds)
        log is not None and log.append("done")
        return f"sunny in {city}"

    return weather


def well_formed(messages):
    """Check that every call has its answer, right after it, and that nothing else is answered."""
    open_calls = []
    for message in messages:
        if message.role == "tool":
            assert open_calls.pop(0) == message.call_id
        else:
            assert not open_calls
            open_calls = [call.id for call in message.calls]
    assert not open_calls
    return True


def outcomes(talk):
    return [report.outcome.value for report in talk.of(ResponseEnded)]


async def ask(talk, seconds=3.0):
    await talk.speaks(seconds)
    await talk.listens(8.0)
