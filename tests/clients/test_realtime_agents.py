"""PyPI openai-agents over the Realtime door, unmodified: it validates every raw event, and interrupts by itself."""

import asyncio

import pytest
from loopback import open_server
from programs import run_python
from realtime_scripts import SHORT, TALKATIVE, check_history, check_real_talk, people, weather_talk

from benchmarks.served import serving
from voiceagent.audio.files import resample
from voiceagent.audio.pcm import to_s16
from voiceagent.testing.sound import voice

__all__ = ["people"]  # a fixture

pytestmark = [pytest.mark.clients, pytest.mark.realtime]

WORD_S = 0.15


def recording(path, pcm):
    path.write_bytes(to_s16(resample(pcm, 16_000, 24_000)))
    return str(path)


def told(lines, name):
    return [line[name] for line in lines if name in line]


def shown(item):
    if item.get("type") == "function_call":
        return "function_call", item["output"]
    return item["role"], " ".join(item["texts"])


async def converse(url, folder, first, second, tool):
    sounds = [recording(folder / f"{number}.pcm", pcm) for number, pcm in enumerate((first, second))]
    address = url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime"
    return await run_python("clients", "realtime_agents_client.py", address, *sounds, tool)


def test_a_spoken_conversation_with_a_tool_and_a_barge_in(tmp_path):
    async def main():
        engines, prompts = weather_talk(WORD_S)
        async with open_server("llm.session_tokens=4096", engines=engines) as house:
            lines = await converse(house.url, tmp_path, voice(2.0), voice(1.5), "tool")
        assert told(lines, "error") == []
        assert told(lines, "city") == ["Rome"]
        (history,) = told(lines, "history")
        check_history([shown(item) for item in history], prompts)
        called, interrupted, short = told(lines, "response")
        assert [item["type"] for item in called["output"]] == ["function_call"]
        assert interrupted["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert interrupted["output"][0]["status"] == "incomplete"
        assert (short["status"], short["output"][0]["content"][0]["transcript"]) == ("completed", SHORT)
        assert short["usage"]["output_tokens"] > 0
        assert short["usage"]["total_tokens"] == short["usage"]["input_tokens"] + short["usage"]["output_tokens"]
        (kinds,) = told(lines, "kinds")
        again = [kind for place, kind in enumerate(kinds) if place == 0 or kinds[place - 1] != kind]
        turn = again[again.index("input_audio_buffer.speech_started") :][: len(FIRST_TURN)]
        assert turn == FIRST_TURN

    asyncio.run(main())


FIRST_TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


@pytest.mark.models
def test_real_models_hear_the_questions_and_remember_what_was_heard_of_the_answer(tmp_path, people):
    first, second = people[:2]
    with serving("cpu.yaml", TALKATIVE) as url:
        lines = asyncio.run(converse(url, tmp_path, first.pcm, second.pcm, "none"))
    assert told(lines, "error") == []
    (history,) = told(lines, "history")
    check_real_talk([shown(item) for item in history], first, second)
    interrupted = next(response for response in told(lines, "response") if response["status"] == "cancelled")
    heard = interrupted["output"][0]["content"][0]["transcript"]
    assert heard == shown(history[1])[1]
