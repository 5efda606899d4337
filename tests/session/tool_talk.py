"""Talk in virtual time with a model that calls tools: real session, scripted models, imagined tools."""

import asyncio

from voiceagent.app.rehearsal import Rehearsal, scripted_engines
from voiceagent.app.settings import load_settings
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.tools import Toolbox, function_tool, tool

REAL = {"timing": SMALL_CPU, "sleep": lambda seconds: None}
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
        engines = scripted_engines(
            asr=scripts.pop("asr", None) or ScriptedAsr([QUESTION, "thank you very much indeed"], **REAL),
            llm=ScriptedLlm(model, **REAL),
            **scripts,
        )
        settings = load_settings(
            "scripted.yaml", ["session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn", *sets]
        )
        talk = Rehearsal(settings.settings, engines, tools=Toolbox(map(function_tool, tools)))
        talk.open()
        await scene(talk)
        talk.close()
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
    return [message["outcome"] for message in talk.messages("agent.end")]


async def ask(talk, seconds=3.0):
    await talk.speak(seconds)
    await talk.listen(8.0)
