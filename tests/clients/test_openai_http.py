"""OpenAI's own Python client, unmodified, at our endpoints."""

import asyncio

import pytest
from loopback import open_server
from programs import run_python

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.session.engines import Engines
from voiceagent.text import word_error_rate

SAID = "The deepest sea is the Mariana Trench."
pytestmark = pytest.mark.clients


def told(engines=None, config="scripted.yaml"):
    """Return what the client saw, by what it did."""

    async def main():
        async with open_server(engines=engines, config=config) as house:
            return await run_python("clients", "openai_client.py", f"{house.url}/v1"), house.agent.models

    lines, models = asyncio.run(main())
    seen = {}
    for line in lines:
        seen.setdefault(line.pop("what"), []).append(line)
    return seen, models


def reply(messages):
    if messages[0].tools:
        return '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
    return "The capital is Rome."


def test_the_client_gets_what_it_asks_for():
    none = {"sleep": lambda seconds: None}
    engines = Engines(
        asr=ScriptedAsr((SAID,), words_per_second=20.0, **none),
        llm=ScriptedLlm(reply, **none),
        tts=ScriptedTts(word_s=0.2, **none),
        vad=ScriptedVad(**none),
        turn=None,
    )
    seen, models = told(engines)
    assert seen["models"] == [{"ids": list(dict.fromkeys(models.values())), "first": models["asr"]}]
    (chat,) = seen["chat"]
    assert (chat["text"], chat["reason"]) == ("The capital is Rome.", "stop")
    assert chat["usage"]["completion_tokens"] == 4
    (streamed,) = seen["chat_stream"]
    assert streamed["text"] == "The capital is Rome."
    assert streamed["pieces"] > 4
    assert streamed["total"] == chat["usage"]["total_tokens"]
    assert seen["tools"] == [{"calls": [["get_weather", {"city": "Rome"}]]}]
    assert [trip["form"] for trip in seen["round_trip"]] == ["mp3", "wav", "opus", "flac", "aac"]
    assert {trip["text"] for trip in seen["round_trip"]} == {SAID}
    (verbose,) = seen["verbose"]
    assert [word for word, *_ in verbose["words"]] == SAID.split()
    assert verbose["segments"][0][0] == SAID
    assert verbose["duration"] == pytest.approx(7 * 0.2, abs=0.05)
    assert seen["text"][0]["text"].strip() == SAID
    assert seen["text"][0]["srt"].startswith("1\n00:00:00,")
    assert seen["pcm"][0]["seconds"] == pytest.approx(7 * 0.2 / 1.5, abs=0.08)
    assert seen["transcript_stream"] == [{"deltas": SAID, "whole": SAID, "last": "transcript.text.done"}]
    assert seen["chat_async"] == [{"text": "The capital is Rome."}]
    assert [(one["kind"], one["status"], one["code"]) for one in seen["mistake"]] == [
        ("NotFoundError", 404, "model_not_found"),
        ("BadRequestError", 400, "invalid_value"),
        ("BadRequestError", 400, "invalid_value"),
        ("BadRequestError", 400, "invalid_audio"),
        ("BadRequestError", 400, "unsupported"),
    ]


@pytest.mark.models
def test_what_the_embedded_voice_says_the_embedded_recogniser_understands():
    seen, models = told(config="cpu.yaml")
    assert seen["models"][0]["ids"] == list(models.values())
    assert seen["chat"][0]["text"] == seen["chat_stream"][0]["text"] != ""
    for trip in seen["round_trip"]:
        assert word_error_rate(SAID, trip["text"])[0] <= 1, trip
    assert word_error_rate(SAID, seen["transcript_stream"][0]["whole"])[0] <= 1
    (verbose,) = seen["verbose"]
    assert verbose["words"][-1][2] <= verbose["duration"]
    assert seen["chat_async"][0]["text"]
