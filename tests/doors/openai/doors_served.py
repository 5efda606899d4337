"""A server on loopback whose scripted engines take no time, and what its answers hold."""

import asyncio
import json

from loopback import open_server

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.session.engines import Engines

WORD_S = 0.1
AT_ONCE = {"sleep": lambda seconds: None}


def serving(test, *sets, **engines):
    """Run a test with a server; all that it was lent has come back at the end."""
    scripts = {
        "asr": ScriptedAsr(**AT_ONCE),
        "llm": ScriptedLlm(**AT_ONCE),
        "tts": ScriptedTts(word_s=WORD_S, **AT_ONCE),
        "vad": ScriptedVad(**AT_ONCE),
        "turn": None,
    }

    async def main():
        async with open_server(*sets, engines=Engines(**(scripts | engines))) as house:
            result = await test(house)
            async with asyncio.timeout(60):
                while house.agent._speech._lent:  # noqa: ASYNC110 - nothing tells when a stream is given back
                    await asyncio.sleep(0.01)
            return result

    return asyncio.run(main())


def error_of(answer):
    """Return what an answer says is wrong, in the form that OpenAI's clients expect."""
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events_of(text):
    """Return the events of a stream, without the mark at its end."""
    lines = [line for line in text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]
