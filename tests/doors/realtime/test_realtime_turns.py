"""The Realtime door: turns without answers or interruptions, words before a tool, time-outs, failures."""

import base64

import pytest
from realtime_caller import realtime_call
from realtime_talk import LONG, run, said, text_of, write

from voiceagent.audio.pcm import from_s16
from voiceagent.testing.replies import tool_call

pytestmark = pytest.mark.realtime

TOOL = {"type": "function", "name": "depth", "description": "Look up.", "parameters": {"type": "object"}}


def detecting(**detection):
    return {"audio": {"input": {"turn_detection": {"type": "server_vad", **detection}}}}


def test_a_turn_is_remembered_without_an_answer_until_that_is_asked_for():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=detecting(create_response=False))
        await caller.speak(0.6)
        await caller.until("conversation.item.input_audio_transcription.completed")
        assert "response.created" not in caller.kinds()
        await caller.send("response.create")
        await caller.until("response.done")
        assert said(prompts[-1]) == [("user", "Tell me of the sea.")]

    run(conversation)


def test_speech_does_not_interrupt_where_the_client_does_not_want_it():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=detecting(interrupt_response=False))
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await caller.speak(0.9, then_silent_s=1.5)
        first = (await caller.until("response.done"))["response"]
        assert (first["status"], text_of(first)) == ("completed", LONG)
        second = (await caller.until("response.done"))["response"]
        assert second["status"] == "completed"
        assert said(prompts[-1])[-1] == ("user", "Tell me of the sea.")

    run(conversation, lambda messages: "Fine." if len(messages) > 2 else LONG, word_s=0.1)


def test_speech_interrupts_and_a_client_that_says_nothing_of_what_it_played_is_followed_by_the_clock():
    async def conversation(caller, prompts, house):
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await caller.speak(1.0, then_silent_s=1.5)
        first = (await caller.until("response.done"))["response"]
        assert first["status_details"]["reason"] == "turn_detected"
        heard = text_of(first)
        assert LONG.startswith(heard)
        assert 1 <= len(heard.split()) <= 8
        cut = await caller.until("conversation.item.truncated")
        assert abs(cut["audio_end_ms"] - 100 * len(heard.split())) <= 400, "pauses between sentences count"
        await caller.until("response.done")
        assert said(prompts[-1])[-2:] == [("assistant", heard), ("user", "Tell me of the sea.")]

    run(conversation, LONG, word_s=0.1)


def test_after_a_cough_the_response_goes_on_with_what_was_not_played():
    async def conversation(caller, prompts, house):
        await caller.send("response.create")
        for _ in range(30):
            await caller.until("response.output_audio.delta")
        await caller.speak(0.13, then_silent_s=1.0)
        await caller.until("input_audio_buffer.speech_stopped")
        done = (await caller.until("response.done"))["response"]
        assert (done["status"], text_of(done)) == ("completed", LONG)
        assert "input_audio_buffer.committed" not in caller.kinds()
        started = [event["type"] for event in caller.events].index("input_audio_buffer.speech_started")
        audio = [event["type"] == "response.output_audio.delta" for event in caller.events]
        spoken_s = 0.1 * len(LONG.split()) + 3 * 0.25
        again_s = 0.02 * sum(audio) - spoken_s
        assert 0.1 < again_s < 0.8, "what it had not played at the cough is sent again, and the word that was cut"
        assert sum(audio[:started]) >= 30

    run(conversation, LONG, word_s=0.1)


def test_words_before_a_tool_are_heard_and_those_after_it_are_an_item_of_their_own():
    def reply(messages):
        return LONG if messages[-1].role == "tool" else f"Let me look that up. {tool_call('depth')}"

    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"tools": [TOOL]})
        first = await write(caller, "How deep is the sea?")
        message, call = first["output"]
        assert (message["type"], call["type"], first["status"]) == ("message", "function_call", "completed")
        assert message["content"][0]["transcript"] == "Let me look that up."
        audio = [event for event in caller.events if event["type"] == "response.output_audio.delta"]
        pcm = from_s16(b"".join(base64.b64decode(event["delta"]) for event in audio))
        assert len(pcm) / 24_000 == pytest.approx(0.5, abs=0.15), "all of it came before response.done"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Very."}
        await caller.send("conversation.item.create", item=output)
        await caller.send("response.create")
        item = (await caller.until("response.output_item.added"))["item"]
        assert item["id"] != message["id"]
        for _ in range(40):
            await caller.until("response.output_audio.delta")
        await caller.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=450)
        second = (await caller.until("response.done"))["response"]
        (heard,) = [text_of({"output": [each]}) for each in second["output"]]
        assert heard in ("The sea", "The sea is", "The sea is deep."), "a pause after the first sentence is part of it"
        await write(caller, "Go on.")
        assert said(prompts[-1]) == [
            ("user", "How deep is the sea?"),
            ("assistant", "Let me look that up."),
            ("tool", "Very."),
            ("assistant", heard),
            ("user", "Go on."),
        ]

    run(conversation, reply, word_s=0.1)


def test_a_call_whose_response_was_interrupted_is_remembered_with_its_late_output():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"tools": [TOOL]})
        first = await write(caller, "How deep is the sea?")
        (call,) = first["output"]
        await caller.speak(1.0, then_silent_s=1.0)
        await caller.until("response.done")
        assert said(prompts[-1])[2][0] == "tool"
        assert "interrupted" in said(prompts[-1])[2][1]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Very."}
        await caller.send("conversation.item.create", item=output)
        await caller.until("conversation.item.done")
        await write(caller, "Go on.")
        assert said(prompts[-1])[2] == ("tool", "Very.")

    asked = []

    def reply(messages):
        asked.append(messages)
        return tool_call("depth") if len(asked) == 1 else "Fine."

    run(conversation, reply)


def test_a_long_silence_is_told_and_the_agent_asks():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=detecting(idle_timeout_ms=1000))
        timeout = await caller.until("input_audio_buffer.timeout_triggered")
        assert (await caller.until("input_audio_buffer.committed"))["item_id"] == timeout["item_id"]
        done = (await caller.until("response.done"))["response"]
        assert text_of(done) == "Are you there?"

    run(conversation, "Fine.", "session.idle_prompt='Are you there?'")


def test_a_model_that_fails_fails_the_response_and_the_session_lives():
    def reply(messages):
        if messages[-1].content == "Break.":
            raise RuntimeError("broken")
        return "Fine."

    async def conversation(caller, prompts, house):
        failed = await write(caller, "Break.")
        assert (failed["status"], failed["status_details"]["error"]["code"]) == ("failed", "model_failed")
        assert "language model" in failed["status_details"]["error"]["message"]
        apology = (await caller.until("response.done"))["response"]
        assert (apology["status"], apology["id"] != failed["id"]) == ("completed", True)
        begun = [event["response"]["id"] for event in caller.events if event["type"] == "response.created"]
        assert begun == [failed["id"], apology["id"]]
        assert (await write(caller, "Hello."))["status"] == "completed"

    run(conversation, reply)


def test_the_agents_own_tools_run_here_and_are_not_shown():
    async def conversation(caller, prompts, house):
        async with realtime_call(house) as other:
            await other.send("session.update", session={"tools": [TOOL]})
            await other.until("session.updated")
            response = await write(other, "What time is it?")
        assert [spec.name for spec in prompts[0][0].tools] == ["clock", "depth"]
        assert [item["type"] for item in response["output"]] == ["message"]
        assert text_of(response) == "Ten past four."

    def reply(messages):
        return messages[-1].content if messages[-1].role == "tool" else tool_call("clock")

    run(conversation, reply, "tools=['realtime_caller:clock']")
