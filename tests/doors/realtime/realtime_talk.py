"""Talks with a server of one's own through the Realtime door."""

import asyncio

from loopback import open_server
from realtime_caller import realtime_call

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.testing.scripts import scripted_engines

LONG = "The sea is deep. It is full of fish. Some of them shine in the dark. Others are as large as a house."


def engines(reply, asr=("Tell me of the sea.",), word_s=0.02, *, slow=False):
    """Engines with a model that says `reply`, or what it returns, at once or word by word (`slow`); and the list of the
    prompts it is given.
    """
    prompts = []

    def say(messages):
        prompts.append(messages)
        return reply(messages) if callable(reply) else reply

    asr = ScriptedAsr(asr, words_per_second=20, sleep=lambda seconds: None)
    llm = ScriptedLlm(say) if slow else say
    return scripted_engines(asr=asr, llm=llm, tts=ScriptedTts(word_s=word_s, sleep=lambda seconds: None)), prompts


def said(prompt):
    return [(message.role, message.content) for message in prompt[1:]]


def run(conversation, reply="Fine.", *sets, query="?model=gpt-realtime", asr=("Tell me of the sea.",), **options):
    """Have a conversation with a server of its own: `conversation(caller, prompts, house)`."""

    async def main():
        word_s, slow = options.pop("word_s", 0.02), options.pop("slow", False)
        scripted, prompts = engines(reply, asr, word_s, slow=slow)
        async with (
            open_server("llm.session_tokens=4096", *sets, engines=scripted) as house,
            realtime_call(house, query, **options) as caller,
        ):
            await conversation(caller, prompts, house)

    asyncio.run(main())


def text_of(response):
    (part,) = response["output"][-1]["content"]
    return part.get("transcript", part.get("text"))


async def write(caller, text, **response):
    """Say something in writing, and return the response."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await caller.send("conversation.item.create", item=item)
    await caller.send("response.create", **({"response": response} if response else {}))
    return (await caller.until("response.done"))["response"]
