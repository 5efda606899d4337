"""The Realtime door over a WebSocket: what is said in which order, turns by hand, text, tools, and what is refused."""

import base64

import numpy as np
import pytest
import websockets
from realtime_talk import LONG, run, said, text_of, write

from voiceagent.audio.files import resample
from voiceagent.audio.g711 import A_LAW, MU_LAW
from voiceagent.audio.pcm import from_s16, level_db
from voiceagent.testing.replies import tool_call
from voiceagent.testing.sound import silence, voice

BY_HAND = {"audio": {"input": {"turn_detection": None}}}


@pytest.mark.realtime
def test_a_spoken_turn_is_told_in_the_protocols_order():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        await caller.speak(0.8)
        done = await caller.until("response.done")
        assert caller.kinds("response.output_audio.delta", "response.output_audio_transcript.delta") == [
            "session.created",
            "conversation.created",
            "session.updated",
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
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        assert prompts[-1][0].content == "Be brief."
        assert text_of(done["response"]) == "Fine."
        heard = next(event for event in caller.events if event["type"].endswith("transcription.completed"))
        assert heard["transcript"] == "Tell me of the sea."
        assert 0.8 < heard["usage"]["seconds"] < 2
        started, stopped = (
            next(event for event in caller.events if event["type"] == f"input_audio_buffer.speech_{what}")
            for what in ("started", "stopped")
        )
        assert started["item_id"] == stopped["item_id"] == heard["item_id"]
        assert 0 <= started["audio_start_ms"] < 200
        assert 800 <= stopped["audio_end_ms"] < 1400
        audio = b"".join(
            base64.b64decode(event["delta"])
            for event in caller.events
            if event["type"] == "response.output_audio.delta"
        )
        assert level_db(from_s16(audio)) > -40
        ids = [event["event_id"] for event in caller.events]
        assert len(set(ids)) == len(ids)

    run(conversation)


def test_a_turn_by_hand_is_answered_when_that_is_asked_for():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=BY_HAND)
        assert (await caller.until("session.updated"))["session"]["audio"]["input"]["turn_detection"] is None
        await caller.append(voice(0.8))
        await caller.send("input_audio_buffer.commit")
        committed = await caller.until("input_audio_buffer.committed")
        await caller.until("conversation.item.input_audio_transcription.completed")
        assert "input_audio_buffer.speech_started" not in caller.kinds()
        assert "response.created" not in caller.kinds()
        await caller.send("response.create")
        done = await caller.until("response.done")
        assert done["response"]["status"] == "completed"
        assert said(prompts[-1]) == [("user", "Tell me of the sea.")]
        await caller.send("conversation.item.retrieve", item_id=committed["item_id"])
        item = (await caller.until("conversation.item.retrieved"))["item"]
        assert item["content"] == [{"type": "input_audio", "transcript": "Tell me of the sea."}]

    run(conversation)


def test_a_turn_that_is_cleared_was_never_said():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=BY_HAND)
        await caller.append(voice(0.8))
        await caller.send("input_audio_buffer.clear")
        await caller.until("input_audio_buffer.cleared")
        await caller.send("input_audio_buffer.commit", event_id="too-early")
        error = (await caller.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "too-early")
        assert (await write(caller, "Hello."))["status"] == "completed"
        assert said(prompts[-1]) == [("user", "Hello.")]

    run(conversation)


def test_a_turn_without_words_has_an_empty_transcript():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session=BY_HAND)
        await caller.append(silence(0.5))
        await caller.send("input_audio_buffer.commit")
        heard = await caller.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == ""

    run(conversation)


def test_written_messages_are_answered_in_text_with_usage():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"output_modalities": ["text"]})
        response = await write(caller, "How deep is the sea?")
        assert response["output_modalities"] == ["text"]
        assert response["output"][0]["content"] == [{"type": "output_text", "text": LONG}]
        assert "response.output_audio.delta" not in caller.kinds()
        deltas = [event["delta"] for event in caller.events if event["type"] == "response.output_text.delta"]
        assert "".join(deltas).strip() == LONG
        usage = response["usage"]
        assert usage["output_tokens"] > 10
        assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]
        await write(caller, "And how wide?")
        assert said(prompts[-1]) == [("user", "How deep is the sea?"), ("assistant", LONG), ("user", "And how wide?")]

    run(conversation, LONG)


def test_a_response_under_way_goes_on_as_it_began_when_the_session_changes():
    async def conversation(caller, prompts, house):
        await caller.send("response.create")
        await caller.until("response.created")
        await caller.send("session.update", session={"output_modalities": ["text"]})
        first = (await caller.until("response.done"))["response"]
        assert first["output"][0]["content"] == [{"type": "output_audio", "transcript": LONG}]
        await caller.send("response.create")
        second = (await caller.until("response.done"))["response"]
        assert second["output"][0]["content"] == [{"type": "output_text", "text": "Fine."}]

    run(conversation, lambda messages: LONG if len(messages) == 2 else "Fine.")


def test_one_response_may_differ_from_the_session():
    async def conversation(caller, prompts, house):
        response = await write(
            caller,
            "How deep is the sea?",
            instructions="Answer in French.",
            output_modalities=["text"],
            metadata={"topic": "sea"},
        )
        assert (response["output_modalities"], response["metadata"]) == (["text"], {"topic": "sea"})
        assert said(prompts[-1]) == [("user", "How deep is the sea? Answer in French.")]
        assert (await write(caller, "And now?"))["output_modalities"] == ["audio"]
        assert said(prompts[-1])[0] == ("user", "How deep is the sea?")

    run(conversation)


def test_a_response_apart_is_text_and_is_not_remembered():
    async def conversation(caller, prompts, house):
        await write(caller, "How deep is the sea?")
        apart = {"conversation": "none", "instructions": "Name the topic.", "metadata": {"for": "log"}}
        await caller.send("response.create", response=apart)
        response = (await caller.until("response.done"))["response"]
        assert (response["conversation_id"], response["metadata"]) == (None, {"for": "log"})
        assert response["output"][0]["content"] == [{"type": "output_text", "text": "Fine."}]
        assert said(prompts[-1])[-1] == ("user", "Name the topic.")
        own = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello there."}]}]
        await caller.send("response.create", response={"conversation": "none", "input": own})
        await caller.until("response.done")
        assert said(prompts[-1]) == [("user", "Hello there.")]
        await write(caller, "And now?")
        assert [text for _, text in said(prompts[-1])] == ["How deep is the sea?", "Fine.", "And now?"]
        await caller.send("response.create", response={**apart, "output_modalities": ["audio"]})
        assert (await caller.until("error"))["error"]["param"] == "response.output_modalities"

    run(conversation)


def test_the_clients_tools_are_called_and_the_model_goes_on_with_their_outputs():
    tools = [
        {"type": "function", "name": name, "description": "Look up.", "parameters": {"type": "object"}}
        for name in ("depth", "width")
    ]

    def reply(messages):
        if messages[-1].role == "tool":
            return " ".join(message.content for message in messages if message.role == "tool")
        return tool_call("depth", of="sea") + tool_call("width", of="sea")

    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"tools": tools})
        called = await write(caller, "How large is the sea?")
        assert [spec.name for spec in prompts[-1][0].tools] == ["depth", "width"]
        assert [(item["name"], item["arguments"]) for item in called["output"]] == [
            ("depth", '{"of": "sea"}'),
            ("width", '{"of": "sea"}'),
        ]
        await caller.send("response.create", event_id="early")
        error = (await caller.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("function_call_output_missing", "early")
        for item in called["output"]:
            output = {"type": "function_call_output", "call_id": item["call_id"], "output": f"Very {item['name']}."}
            await caller.send("conversation.item.create", item=output)
            await caller.until("conversation.item.done")
        assert len(prompts) == 1, "the model waits for response.create"
        await caller.send("response.create")
        done = (await caller.until("response.done"))["response"]
        assert text_of(done) == "Very depth. Very width."
        nowhere = {**output, "previous_item_id": "item_nowhere"}
        await caller.send("conversation.item.create", item=nowhere, event_id="unknown")
        assert (await caller.until("error"))["error"]["event_id"] == "unknown"
        await caller.send("conversation.item.create", item={**output, "call_id": "call_99"}, event_id="stray")
        assert (await caller.until("error"))["error"]["event_id"] == "stray"

    run(conversation, reply)


@pytest.mark.realtime
def test_what_is_truncated_is_remembered_as_far_as_it_was_heard():
    async def conversation(caller, prompts, house):
        await caller.send("response.create")
        item = (await caller.until("response.output_item.added"))["item"]
        for _ in range(40):
            await caller.until("response.output_audio.delta")
        await caller.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=450)
        done = (await caller.until("response.done"))["response"]
        assert done["status_details"]["reason"] == "turn_detected"
        assert (await caller.until("conversation.item.truncated"))["audio_end_ms"] == 450
        await caller.send("conversation.item.retrieve", item_id=item["id"])
        item = (await caller.until("conversation.item.retrieved"))["item"]
        assert item["content"] == [{"type": "output_audio", "transcript": "The sea is deep."}]
        assert item["status"] == "incomplete"
        await write(caller, "Go on.")
        assert said(prompts[-1])[-2:] == [("assistant", "The sea is deep."), ("user", "Go on.")]

    run(conversation, LONG, word_s=0.1)


@pytest.mark.realtime
def test_a_response_is_cancelled_and_another_one_is_not_begun_beside_it():
    async def conversation(caller, prompts, house):
        await caller.send("response.create")
        created = await caller.until("response.created")
        await caller.until("response.output_audio.delta")
        await caller.send("response.create", event_id="second")
        error = (await caller.until("error"))["error"]
        assert error["code"] == "conversation_already_has_active_response"
        await caller.send("response.cancel", response_id="resp_other", event_id="other")
        assert (await caller.until("error"))["error"]["event_id"] == "other"
        await caller.send("response.cancel", response_id=created["response"]["id"])
        done = (await caller.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        await caller.send("response.cancel")
        assert (await caller.until("error"))["error"]["code"] == "response_cancel_not_active"

    run(conversation, LONG, word_s=0.1)


@pytest.mark.parametrize(("name", "law"), [("pcmu", MU_LAW), ("pcma", A_LAW)], ids=["pcmu", "pcma"])
@pytest.mark.realtime
def test_a_telephones_format_both_ways(name, law):
    async def conversation(caller, prompts, house):
        form = {"type": f"audio/{name}"}
        audio = {"input": {"format": form, "turn_detection": None}, "output": {"format": form}}
        await caller.send("session.update", session={"audio": audio})
        coded = law.encode(resample(voice(0.8), 16_000, 8_000))
        await caller.send("input_audio_buffer.append", audio=base64.b64encode(coded).decode())
        await caller.send("input_audio_buffer.commit")
        heard = await caller.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "Tell me of the sea."
        assert heard["usage"]["seconds"] == pytest.approx(0.8, abs=0.01)
        await caller.send("response.create")
        await caller.until("response.done")
        pieces = [event["delta"] for event in caller.events if event["type"] == "response.output_audio.delta"]
        pcm = law.decode(b"".join(base64.b64decode(piece) for piece in pieces))
        spectrum = np.abs(np.fft.rfft(pcm))
        assert level_db(pcm) > -40
        assert np.argmax(spectrum) * 8_000 / len(pcm) == pytest.approx(160, abs=80), "the scripted voice's pitch"

    run(conversation, word_s=0.2)


def test_items_are_added_in_their_place_and_deleted():
    async def conversation(caller, prompts, house):
        def message(role, text, **fields):
            kind = "output_text" if role == "assistant" else "input_text"
            return {"type": "message", "role": role, "content": [{"type": kind, "text": text}], **fields}

        await caller.send("conversation.item.create", item=message("user", "One.", id="one"))
        await caller.send("conversation.item.create", item=message("assistant", "Two.", id="two"))
        await caller.send("conversation.item.create", item=message("user", "Three.", id="three"))
        between = message("assistant", "Between.", id="between")
        await caller.send("conversation.item.create", item=between, previous_item_id="one")
        first = message("user", "First.", id="first")
        await caller.send("conversation.item.create", item=first, previous_item_id="root")
        added = {}
        for _ in range(5):
            event = await caller.until("conversation.item.added")
            added[event["item"]["id"]] = event["previous_item_id"]
        assert added == {"one": None, "two": "one", "three": "two", "between": "one", "first": None}
        await caller.send("conversation.item.delete", item_id="one")
        assert (await caller.until("conversation.item.deleted"))["item_id"] == "one"
        await caller.send("conversation.item.create", item=message("user", "Again.", id="two"), event_id="again")
        assert (await caller.until("error"))["error"]["code"] == "item_already_exists"
        await caller.send("conversation.item.delete", item_id="one", event_id="gone")
        assert (await caller.until("error"))["error"]["code"] == "item_not_found"
        await caller.send("response.create")
        await caller.until("response.done")
        assert said(prompts[-1]) == [("user", "First."), ("assistant", "Between. Two."), ("user", "Three.")]

    run(conversation)


def test_a_client_of_the_beta_has_the_betas_names():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"modalities": ["text"], "instructions": "Be brief."})
        session = (await caller.until("session.updated"))["session"]
        assert (session["modalities"], session["input_audio_format"]) == (["text"], "pcm16")
        response = await write(caller, "How deep is the sea?")
        assert response["output"][0]["content"] == [{"type": "text", "text": "Fine."}]
        assert "response.text.delta" in caller.kinds()
        assert "conversation.item.created" in caller.kinds()
        assert not {"conversation.item.added", "conversation.item.done"} & set(caller.kinds())
        await caller.send("session.update", session={"modalities": ["text", "audio"]})
        await write(caller, "And now aloud.")
        assert "response.audio.delta" in caller.kinds()
        assert "response.audio_transcript.done" in caller.kinds()

    run(conversation, additional_headers={"OpenAI-Beta": "realtime=v1"})
    subprotocols = ["realtime", "openai-insecure-api-key.x", "openai-beta.realtime-v1"]
    run(conversation, subprotocols=[websockets.Subprotocol(name) for name in subprotocols])


def test_a_reply_that_reaches_its_length_is_incomplete():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"output_modalities": ["text"], "max_output_tokens": 8})
        assert (await caller.until("session.updated"))["session"]["max_output_tokens"] == 8
        response = await write(caller, "How deep is the sea?")
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert (response["status"], response["output"][0]["status"]) == ("incomplete", "incomplete")
        assert (response["max_output_tokens"], response["usage"]["output_tokens"]) == (8, 8)
        assert LONG.startswith(text_of(response))
        whole = await write(caller, "And now?", max_output_tokens=200)
        assert (whole["status"], text_of(whole)) == ("completed", "Fine.")

    run(conversation, lambda messages: LONG if len(messages) == 2 else "Fine.")


def test_a_text_that_is_cancelled_ends_where_it_was_written_to():
    async def conversation(caller, prompts, house):
        await caller.send("session.update", session={"output_modalities": ["text"], "max_output_tokens": 2000})
        await caller.send("response.create")
        await caller.until("response.output_text.delta")
        await caller.send("response.cancel")
        done = (await caller.until("response.done"))["response"]
        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        (item,) = done["output"]
        assert item["status"] == "incomplete"
        written = "".join(event["delta"] for event in caller.events if event["type"] == "response.output_text.delta")
        assert item["content"] == [{"type": "output_text", "text": written}]
        assert LONG.startswith(written.strip())
        assert len(written) < len(LONG)

    run(conversation, LONG, slow=True)
